//! What people added: scores, notes, tags, pins, approvals.

use tokio_rusqlite::rusqlite::types::Value as Cell;
use tokio_rusqlite::rusqlite::{Connection, Row, params, params_from_iter};

use super::fault::Result;
use super::plan::{Clause, Stream};
use super::writing::Writing;
use crate::model::{Annotation, AnnotationId, AnnotationKind, Micros, ObservationId, Target, TraceId};

/// Of a tag that people gave, so many targets are looked up.
const MOST_TAGGED: usize = 5_000;

/// As it stands in the table.
fn cell(target: &Target) -> (&'static str, Cell) {
    let of = target.parts().0;
    let cell = match target {
        Target::Observation(id) => Cell::Integer(id.0.cast_signed()),
        Target::Trace(id) => Cell::Blob(id.0.to_be_bytes().to_vec()),
        Target::Session(id) => Cell::Text(id.clone()),
    };
    (of, cell)
}

fn target(cell: Cell) -> Option<Target> {
    match cell {
        Cell::Integer(id) => Some(Target::Observation(ObservationId(id.cast_unsigned()))),
        Cell::Blob(id) => Some(Target::Trace(TraceId(u128::from_be_bytes(id.try_into().ok()?)))),
        Cell::Text(id) => Some(Target::Session(id)),
        _ => None,
    }
}

const COLUMNS: &str = "id, target, kind, name, value, comment, author, at";

fn annotation(row: &Row) -> tokio_rusqlite::rusqlite::Result<Option<Annotation>> {
    let (id, at): (i64, i64) = (row.get(0)?, row.get(7)?);
    let (kind, value): (String, Option<String>) = (row.get(2)?, row.get(4)?);
    let Some((target, kind)) = target(row.get(1)?).zip(AnnotationKind::from_name(&kind)) else {
        return Ok(None);
    };
    Ok(Some(Annotation {
        id: AnnotationId(id.cast_unsigned()),
        target,
        kind,
        name: row.get(3)?,
        value: value.and_then(|value| serde_json::from_str(&value).ok()),
        comment: row.get(5)?,
        author: row.get(6)?,
        at: Micros(at.max(0).cast_unsigned()),
    }))
}

fn read(db: &Connection, condition: &str, cells: &[Cell]) -> Result<Vec<Annotation>> {
    let sql = format!("SELECT {COLUMNS} FROM annotation WHERE {condition} ORDER BY at, seq");
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(cells), annotation)?;
    let rows: Vec<Option<Annotation>> = rows.collect::<std::result::Result<_, _>>()?;
    Ok(rows.into_iter().flatten().collect())
}

/// What was added to these, in the order it came.
pub fn annotations(db: &Connection, targets: &[Target]) -> Result<Vec<Annotation>> {
    // Almost always nobody has added anything.
    if !db.prepare_cached("SELECT 1 FROM annotation LIMIT 1")?.exists([])? {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for target in targets {
        let (of, cell) = cell(target);
        found.extend(read(db, "of = ? AND target = ?", &[Cell::Text(of.to_owned()), cell])?);
    }
    Ok(found)
}

/// Everything that was added, behind an annotation's place.
pub fn page(db: &Connection, after: Option<AnnotationId>, limit: usize) -> Result<Vec<Annotation>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM annotation
         WHERE seq > coalesce((SELECT seq FROM annotation WHERE id = ?1), 0) ORDER BY seq LIMIT ?2"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let after = after.map(|id| id.0.cast_signed());
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<Option<Annotation>> =
        statement.query_map(params![after, limit], annotation)?.collect::<std::result::Result<_, _>>()?;
    Ok(rows.into_iter().flatten().collect())
}

/// Tags, those of calls and those that people gave, by their names.
pub fn tags(db: &Connection, limit: usize) -> Result<Vec<String>> {
    // Each step goes on behind all rows of the last tag, so that it costs as much as there are tags, not rows.
    let sql = "WITH RECURSIVE each (tag) AS (
            SELECT min(tag) FROM tag
            UNION ALL
            SELECT (SELECT min(g.tag) FROM tag g WHERE g.tag > each.tag) FROM each WHERE each.tag IS NOT NULL LIMIT 1000
        )
        SELECT w.text FROM each JOIN word w ON w.id = each.tag
        UNION SELECT name FROM annotation WHERE kind = 'tag' AND name IS NOT NULL
        ORDER BY 1 LIMIT ?1";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map([i64::try_from(limit).unwrap_or(i64::MAX)], |row| row.get(0))?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

/// Where what has a tag is found that people gave: ways to walk along, and the condition, if there is any.
pub fn tagged(db: &Connection, tag: &str) -> Result<Option<(Vec<Stream>, String)>> {
    let sql = format!("SELECT target FROM annotation WHERE kind = 'tag' AND name = ?1 LIMIT {MOST_TAGGED}");
    let mut statement = db.prepare_cached(&sql)?;
    let targets: Vec<Cell> =
        statement.query_map([tag], |row| row.get(0))?.collect::<std::result::Result<_, _>>()?;
    let (mut streams, mut conditions) = (Vec::new(), Vec::new());
    let ways = [
        ("seq", "SELECT seq FROM observation WHERE id = ?1", None),
        ("trace", "SELECT seq FROM trace WHERE id = ?1", Some("observation_trace")),
        ("session", "SELECT seq FROM session WHERE id = ?1", Some("observation_session")),
    ];
    for (column, sql, index) in ways {
        let mut find = db.prepare_cached(sql)?;
        let mut seqs: Vec<String> = Vec::new();
        for target in &targets {
            let fits = match target {
                Cell::Integer(_) => column == "seq",
                Cell::Blob(_) => column == "trace",
                _ => column == "session",
            };
            if fits {
                let mut rows = find.query([target])?;
                while let Some(row) = rows.next()? {
                    seqs.push(row.get::<_, i64>(0)?.to_string());
                }
            }
        }
        if seqs.is_empty() {
            continue;
        }
        let condition = format!("o.{column} IN ({})", seqs.join(", "));
        let clause = Some(Clause(condition.clone(), Vec::new()));
        streams.push(match index {
            Some(index) => Stream::along(index, clause),
            None => Stream::over(clause),
        });
        conditions.push(condition);
    }
    Ok((!streams.is_empty()).then(|| (streams, conditions.join(" OR "))))
}

impl Writing<'_> {
    /// Adds an annotation, or puts it in the place of the one of its id. `false`: what it is said of is not there.
    pub fn annotate(&mut self, annotation: &Annotation) -> Result<bool> {
        let Annotation { id, target, kind, name, value, comment, author, at } = annotation;
        let (of, cell) = cell(target);
        let there = format!("SELECT 1 FROM {of} WHERE id = ?1");
        if !self.db.prepare_cached(&there)?.exists([&cell])? {
            return Ok(false);
        }
        let mut insert = self.db.prepare_cached(
            "INSERT INTO annotation (id, of, target, kind, name, value, comment, author, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (id) DO UPDATE SET name = ?5, value = ?6, comment = ?7, author = ?8, at = ?9",
        )?;
        let at = i64::try_from(at.0).unwrap_or(i64::MAX);
        let value = value.as_ref().map(ToString::to_string);
        insert.execute(params![
            id.0.cast_signed(),
            of,
            cell,
            kind.name(),
            name,
            value,
            comment,
            author,
            at
        ])?;
        if *kind == AnnotationKind::Pin {
            self.pin_all(target, true)?;
        }
        Ok(true)
    }

    /// Takes an annotation back. `false`: there is none.
    pub fn unannotate(&mut self, id: AnnotationId) -> Result<bool> {
        let found = read(self.db, "id = ?", &[Cell::Integer(id.0.cast_signed())])?;
        let Some(found) = found.into_iter().next() else { return Ok(false) };
        self.db.prepare_cached("DELETE FROM annotation WHERE id = ?1")?.execute([id.0.cast_signed()])?;
        if found.kind == AnnotationKind::Pin {
            let others = annotations(self.db, std::slice::from_ref(&found.target))?;
            if !others.iter().any(|other| other.kind == AnnotationKind::Pin) {
                self.pin_all(&found.target, false)?;
            }
        }
        Ok(true)
    }

    /// Pins what a target has, or lets it go.
    fn pin_all(&mut self, target: &Target, pinned: bool) -> Result<()> {
        let (of, cell) = cell(target);
        let which = match target {
            Target::Observation(_) => "id = ?1".to_owned(),
            Target::Trace(_) | Target::Session(_) => format!("{of} = (SELECT seq FROM {of} WHERE id = ?1)"),
        };
        let sql = format!("UPDATE observation SET pinned = ?2 WHERE {which}");
        self.db.prepare_cached(&sql)?.execute(params![cell, pinned])?;
        Ok(())
    }

    /// Takes out what was said of things that are gone.
    pub fn remove_lost_annotations(&mut self) -> Result<()> {
        for of in ["observation", "trace", "session"] {
            let sql = format!(
                "DELETE FROM annotation WHERE of = '{of}' AND NOT EXISTS (SELECT 1 FROM {of} o WHERE o.id = target)"
            );
            self.db.prepare_cached(&sql)?.execute([])?;
        }
        Ok(())
    }
}
