//! A form's fields out of a `multipart/form-data` body: texts whole, files by name, type and size. Tolerant: a body that was
//! cut, or whose files were shortened, is read as far as it goes.

use memchr::memmem;
use serde_json::{Map, Value, json};

/// The longest text that is taken for a field's value.
const LONGEST: usize = 1 << 20;

/// One field.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub name: String,
    pub content: Content,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    Text(String),
    File { name: String, mime_type: Option<String>, size: u64 },
}

impl Content {
    /// A file as the record says it.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::File { name, mime_type, size } => {
                json!({"name": name, "mime_type": mime_type, "size": size})
            }
        }
    }
}

/// A form's fields. The boundary is the content type's, else what the body begins with. `None`: it is no form.
pub fn fields(content_type: Option<&str>, body: &[u8]) -> Option<Vec<Field>> {
    let said = content_type.and_then(boundary);
    let boundary = said.or_else(|| {
        let line = body.get(..body.len().min(200))?.split(|byte| *byte == b'\r' || *byte == b'\n').next()?;
        let line = std::str::from_utf8(line).ok()?.strip_prefix("--")?;
        (line.len() >= 4).then(|| line.to_owned())
    })?;
    let delimiter = format!("--{boundary}");
    let begins: Vec<usize> = memmem::find_iter(body, &delimiter).collect();
    let mut fields = Vec::new();
    for (at, begin) in begins.iter().enumerate() {
        let end = begins.get(at + 1).copied().unwrap_or(body.len());
        let piece = body.get(begin + delimiter.len()..end).unwrap_or_default();
        fields.extend(field(piece));
    }
    (!begins.is_empty()).then_some(fields)
}

fn boundary(content_type: &str) -> Option<String> {
    let at = content_type.to_ascii_lowercase().find("boundary=")?;
    let value = content_type.get(at + "boundary=".len()..)?.trim();
    let value = match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => value.split(';').next()?.trim(),
    };
    (!value.is_empty()).then(|| value.to_owned())
}

/// What stands between two boundaries.
fn field(piece: &[u8]) -> Option<Field> {
    let (head, body) = [&b"\r\n\r\n"[..], b"\n\n"].iter().find_map(|gap| {
        let at = memmem::find(piece, gap)?;
        Some((piece.get(..at)?, piece.get(at + gap.len()..)?))
    })?;
    let body = body.strip_suffix(b"\n").unwrap_or(body);
    let body = body.strip_suffix(b"\r").unwrap_or(body);
    let head = std::str::from_utf8(head).ok()?;
    let header = |name: &str| {
        head.lines().find_map(|line| {
            let (own, value) = line.split_once(':')?;
            own.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let disposition = header("content-disposition")?;
    let name = parameter(&disposition, "name")?;
    let file = parameter(&disposition, "filename");
    let text = std::str::from_utf8(body).ok().filter(|_| file.is_none() && body.len() <= LONGEST);
    let content = match text {
        Some(text) => Content::Text(text.to_owned()),
        None => Content::File {
            name: file.unwrap_or_default(),
            mime_type: header("content-type").filter(|kind| !kind.is_empty()),
            size: body.len() as u64,
        },
    };
    Some(Field { name, content })
}

/// A parameter of a header's value, quoted or not.
fn parameter(value: &str, name: &str) -> Option<String> {
    value.split(';').find_map(|pair| {
        let (own, value) = pair.split_once('=')?;
        own.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"').to_owned())
    })
}

/// The texts as JSON, as a request without files would have had them: numbers and truths as such, a name that comes
/// several times or ends on `[]` as a list. Beside them the files.
pub fn request(fields: Vec<Field>) -> (Value, Vec<Content>) {
    let mut object = Map::new();
    let mut files = Vec::new();
    for Field { name, content } in fields {
        let Content::Text(text) = &content else {
            files.push(content);
            continue;
        };
        let value = match serde_json::from_str(text) {
            Ok(value @ (Value::Number(_) | Value::Bool(_))) => value,
            _ => text.as_str().into(),
        };
        let key = name.strip_suffix("[]").unwrap_or(&name);
        match object.get_mut(key) {
            Some(Value::Array(list)) => list.push(value),
            Some(known) => *known = json!([known.take(), value]),
            None if key == name => {
                object.insert(name, value);
            }
            None => {
                object.insert(key.to_owned(), json!([value]));
            }
        }
    }
    (object.into(), files)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &[u8] = b"--x1yz\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--x1yz\r\n\
        content-disposition: form-data; name=\"include[]\"\r\n\r\nlogprobs\r\n--x1yz\r\n\
        Content-Disposition: form-data; name=\"temperature\"\r\n\r\n0.5\r\n--x1yz\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"a b.wav\"\r\nContent-Type: audio/wav\r\n\r\n\xff\x00\r\n\r\n1\r\n\
        --x1yz--\r\n";

    #[test]
    fn fields_and_files_are_told_apart() {
        for content_type in
            [Some("multipart/form-data; boundary=x1yz"), Some("x; BOUNDARY=\"x1yz\"; y"), None]
        {
            let (json, files) = request(fields(content_type, FORM).unwrap());
            assert_eq!(json, json!({"model": "whisper-1", "include": ["logprobs"], "temperature": 0.5}));
            let expected = Content::File {
                name: "a b.wav".to_owned(),
                mime_type: Some("audio/wav".to_owned()),
                size: 7,
            };
            assert_eq!(files, [expected]);
        }
    }

    #[test]
    fn what_is_cut_or_no_form_is_no_panic() {
        for cut in 0..FORM.len() {
            let _ = fields(None, &FORM[..cut]);
        }
        assert_eq!(fields(None, b"{}"), None);
        assert_eq!(fields(Some("multipart/form-data; boundary=other"), FORM), None);
    }
}
