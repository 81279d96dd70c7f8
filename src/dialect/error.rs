//! Errors, in all the shapes that providers give them.

use serde_json::Value;

use super::json::Look;
use crate::model::{ApiError, Headers};

/// How much of a body that is no JSON is taken for its message.
const LONGEST: usize = 2_000;

/// The error in a JSON body or event; `None` where it holds none. `status` is the response's, where it was no success.
pub fn in_json(json: &Value, status: Option<u16>) -> Option<ApiError> {
    // Google wraps its errors into an array where a stream was asked for without SSE.
    let json = json.as_array().and_then(|list| list.first()).unwrap_or(json);
    let failed = status.is_some();
    let mut error = match json.some("error").or_else(|| json.some("errors")) {
        Some(Value::String(message)) => ApiError { message: Some(message.clone()), ..ApiError::default() },
        Some(inner @ Value::Object(_)) => of_object(inner),
        Some(Value::Array(list)) => list.first().map(of_object).unwrap_or_default(),
        Some(other) if failed => ApiError { message: Some(other.to_string()), ..ApiError::default() },
        _ if failed || is_bare(json) => of_object(json),
        _ => return None,
    };
    if error.code.is_none() {
        error.code = word(json, "code");
    }
    if error.kind.is_none() {
        error.kind = error.code.clone();
    }
    error.status = status.or(error.status);
    Some(error)
}

/// A body that is an error although nothing in it is called one: Mistral's, Cohere's, FastAPI's.
fn is_bare(json: &Value) -> bool {
    json.text("object") == Some("error") || json.text("type") == Some("error")
}

/// The error of a response that was no success.
pub fn of_response(status: u16, headers: &Headers, json: Option<&Value>, body: &[u8]) -> ApiError {
    let mut error = json.and_then(|json| in_json(json, Some(status))).unwrap_or_else(|| {
        let text = String::from_utf8(body.iter().copied().take(LONGEST).collect()).ok();
        let message = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        ApiError { message, status: Some(status), ..ApiError::default() }
    });
    // AWS names the error in a header, behind a colon its documentation's address.
    if let Some(name) = headers.text("x-amzn-errortype") {
        error.kind = name.split(':').next().map(str::to_owned);
    }
    error
}

fn of_object(object: &Value) -> ApiError {
    if let Value::String(message) = object {
        return ApiError { message: Some(message.clone()), ..ApiError::default() };
    }
    let message = ["message", "Message", "msg", "detail", "error", "error_message"];
    let message = message.iter().find_map(|key| match object.some(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Object(inner) if *key == "detail" || *key == "message" => {
            inner.get("message").and_then(Value::as_str).map(str::to_owned)
        }
        other => Some(other.to_string()),
    });
    let kind = word(object, "type").filter(|kind| kind != "error");
    let kind = kind.or_else(|| word(object, "status").filter(|word| !is_number(word)));
    let code = word(object, "code");
    let status = ["http_status", "status_code", "status", "code"];
    let status = status.iter().find_map(|key| object.count(key)).filter(|status| (400..600).contains(status));
    ApiError {
        kind: kind.or_else(|| code.clone().filter(|code| !is_number(code))),
        code,
        message,
        status: status.and_then(|status| u16::try_from(status).ok()),
    }
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A text or a number at this key, as text.
fn word(object: &Value, key: &str) -> Option<String> {
    match object.get(key)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(status: Option<u16>, json: &Value) -> Option<[String; 3]> {
        let error = in_json(json, status)?;
        Some([error.kind, error.code, error.message].map(Option::unwrap_or_default))
    }

    #[test]
    fn every_shape_is_read() {
        for (json, [kind, code, message]) in [
            (
                json!({"error": {"message": "m", "type": "invalid_request_error", "code": "bad", "param": null}}),
                ["invalid_request_error", "bad", "m"],
            ),
            (
                json!({"type": "error", "error": {"type": "overloaded_error", "message": "m"}}),
                ["overloaded_error", "", "m"],
            ),
            (json!([{"error": {"code": 400, "message": "m", "status": "INVALID"}}]), ["INVALID", "400", "m"]),
            (json!({"error": {"code": 429, "message": "m", "metadata": {}}}), ["429", "429", "m"]),
            (
                json!({"code": "invalid-argument", "error": "m"}),
                ["invalid-argument", "invalid-argument", "m"],
            ),
            (json!({"error": "m"}), ["", "", "m"]),
            (json!({"message": "m"}), ["", "", "m"]),
            (json!({"detail": "m"}), ["", "", "m"]),
            (json!({"object": "error", "message": "m", "type": "t", "code": 3}), ["t", "3", "m"]),
        ] {
            assert_eq!(read(Some(400), &json), Some([kind, code, message].map(str::to_owned)), "{json}");
        }
        assert_eq!(read(None, &json!({"message": "no error"})), None);
        assert_eq!(read(None, &json!({"error": null})), None);
        assert!(read(None, &json!({"error": {"message": "m"}})).is_some());
    }

    #[test]
    fn a_page_is_a_message_too() {
        let error = of_response(502, &Headers::default(), None, b" <h1>Bad</h1>\n");
        assert_eq!((error.status, error.message.as_deref()), (Some(502), Some("<h1>Bad</h1>")));
        let headers = Headers::from_lines(b"x-amzn-errortype: ThrottlingException:http://x\r\n".to_vec());
        let error = of_response(429, &headers, Some(&json!({"message": "slow"})), b"");
        assert_eq!(error.kind.as_deref(), Some("ThrottlingException"));
    }
}
