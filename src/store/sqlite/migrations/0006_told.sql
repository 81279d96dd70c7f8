-- When the last span began that an SDK told of: where there is none, no call looks for its own.
INSERT INTO meta SELECT 'told', max(start) FROM observation WHERE exchange IS NULL HAVING max(start) IS NOT NULL;
