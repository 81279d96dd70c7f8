//! Errors, in all the shapes that providers give them.

use serde_json::{Value, json};

use super::Heard;
use super::json::{Look, is_empty};
use crate::model::{ApiError, Headers};

/// How much of a body that is no JSON is taken for its message.
const LONGEST: usize = 2_000;

/// The error in a JSON body or event; `None` where it holds none. `status` is the response's, where it was no success.
pub fn in_json(json: &Value, status: Option<u16>) -> Option<ApiError> {
    // Google wraps its errors into an array where a stream was asked for without SSE.
    let json = json.as_array().and_then(|list| list.first()).unwrap_or(json);
    let failed = status.is_some();
    // A place for errors that has none in it comes with answers, too.
    let places = [json.some("error"), json.some("errors")];
    let said = places.into_iter().flatten().find(|said| !is_empty(said));
    let mut error = match said {
        Some(Value::String(message)) => ApiError { message: Some(message.clone()), ..ApiError::default() },
        Some(inner @ Value::Object(_)) => of_object(inner),
        Some(Value::Array(list)) => list.first().map(of_object).unwrap_or_default(),
        Some(other) if failed => ApiError { message: Some(other.to_string()), ..ApiError::default() },
        _ if failed || is_bare(json) => of_object(json),
        _ => of_minimax(json)?,
    };
    if error.code.is_none() {
        error.code = word(json, "code");
    }
    if error.kind.is_none() {
        // Hugging Face's stands beside the message.
        error.kind = word(json, "error_type").or_else(|| error.code.clone());
    }
    error.status = status.or(error.status);
    Some(error)
}

/// MiniMax's, beside an answer that is empty then.
fn of_minimax(json: &Value) -> Option<ApiError> {
    let said = json.some("base_resp")?;
    let code = said.count("status_code").filter(|code| *code != 0)?;
    let message = said.word("status_msg").map(str::to_owned);
    Some(ApiError { code: Some(code.to_string()), message, ..ApiError::default() })
}

/// What a body says that holds nothing of what was asked for, and does not call it an error either.
pub fn refusal(json: &Value) -> Option<ApiError> {
    let said = ["message", "msg", "detail", "error_message"].iter().any(|key| json.word(key).is_some());
    said.then(|| of_object(json))
}

/// The error in an event. One that is called an error is one, whatever it says.
pub fn in_event(heard: &Heard<'_>) -> Option<ApiError> {
    let said = in_json(&heard.json, None);
    if said.is_some() || !heard.is_error() {
        return said;
    }
    let message = || std::str::from_utf8(heard.data).ok().map(str::to_owned);
    let inner = if heard.json.is_null() { message().into() } else { heard.json.clone() };
    Some(in_json(&json!({"error": inner}), None).unwrap_or_default())
}

/// A body that is an error although nothing in it is called one: Mistral's, Cohere's, Z.ai's.
fn is_bare(json: &Value) -> bool {
    let named = json.text("object") == Some("error") || json.text("type") == Some("error");
    named || json.truth("success") == Some(false)
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
            let said = inner.get("message").and_then(Value::as_str).map(str::to_owned);
            said.or_else(|| object.get(*key).map(Value::to_string))
        }
        other => Some(other.to_string()),
    });
    let kind = word(object, "type").filter(|kind| kind != "error");
    let kind = kind.or_else(|| word(object, "status").filter(|word| !is_number(word)));
    // AWS names it in the body too, behind its name space: `com.amazon.coral.service#AccessDeniedException`.
    let kind = kind.or_else(|| word(object, "__type")?.rsplit('#').next().map(str::to_owned));
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
            (json!({"error": "m", "error_type": "validation"}), ["validation", "", "m"]),
            (json!({"__type": "com.amazon.x#Denied", "message": "m"}), ["Denied", "", "m"]),
            (json!({"message": "m"}), ["", "", "m"]),
            (json!({"detail": "m"}), ["", "", "m"]),
            (json!({"object": "error", "message": "m", "type": "t", "code": 3}), ["t", "3", "m"]),
        ] {
            assert_eq!(read(Some(400), &json), Some([kind, code, message].map(str::to_owned)), "{json}");
        }
        assert_eq!(read(None, &json!({"message": "no error"})), None);
        for empty in [json!(null), json!(""), json!({}), json!([])] {
            assert_eq!(read(None, &json!({"error": empty, "errors": empty})), None);
        }
        let named = [
            json!({"code": 401, "msg": "m", "success": false}),
            json!({"error": "", "errors": [{"code": 401, "message": "m"}]}),
            json!({"base_resp": {"status_code": 401, "status_msg": "m"}}),
        ];
        for json in named {
            assert_eq!(read(None, &json), Some(["401", "401", "m"].map(str::to_owned)), "{json}");
        }
        assert_eq!(read(None, &json!({"base_resp": {"status_code": 0, "status_msg": ""}})), None);
        assert!(read(None, &json!({"error": {"message": "m"}})).is_some());
    }

    #[test]
    fn what_is_called_an_error_is_one() {
        let heard = |name: &str, json: Value, error| {
            let data = json.as_str().unwrap_or_default().to_owned();
            let json = if json.is_string() { Value::Null } else { json };
            let at = crate::model::Micros(0);
            in_event(&Heard { name, json, data: data.as_bytes(), at, error, streamed: true })
        };
        let message = |error: Option<ApiError>| error.and_then(|error| error.message).unwrap_or_default();
        assert_eq!(message(heard("", json!({"message": "m", "code": 500}), true)), "m");
        assert_eq!(message(heard("", json!("lost"), true)), "lost");
        assert_eq!(message(heard("error", json!({"message": "m"}), false)), "m");
        assert_eq!(message(heard("error", json!("lost"), false)), "lost");
        assert_eq!(message(heard("", json!({"error": {"message": "m"}}), false)), "m");
        assert_eq!(heard("", json!({"message": "m"}), false), None);
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
