//! Credentials are in no file of the data folder.

use serde_json::json;

use super::provider::{chat, provider};
use super::support::{Home, Recorder, body, case, holds};

const IN_HEADER: &str = "sk-test-Zq83hTnW0cYp5sLx";
const IN_QUERY: &str = "AIzaQb7Wm2Xk9Rt4Vn6Yp1Zs3Hd5Jf8Lg0CeAuB";
const IN_BODY: &str = "sk-live-body-Wm2Xk9Rt4Vn6Yp1Zs3Hd";
const IN_COOKIE: &str = "c00kie-9Rt4Vn6Yp1";
const TOLD: &str = "ek_Wm2Xk9Rt4Vn6Yp1Zs3Hd5Jf8L";

#[test]
fn credentials_are_in_no_file() {
    let home = Home::new();
    let upstream = provider(|mut asked| {
        let headers = format!("Content-Type: application/json\r\nSet-Cookie: session={IN_COOKIE}\r\n");
        // The provider gets what the client sent.
        assert!(asked.head.contains(IN_HEADER) && asked.head.contains(IN_QUERY));
        let answer = json!({"id": "sess_1", "client_secret": {"value": TOLD}, "answer": chat("Hello")});
        if asked.path().contains("sessions") {
            asked.answer("200 OK", &headers, answer.to_string());
        } else {
            asked.answer("200 OK", &headers, chat("Hello").to_string());
        }
    });
    let recorder = Recorder::start(&home, &upstream);
    let call = |name: &str, path: &str| {
        let headers = format!(
            "x-wiretape-case: {name}\r\nAuthorization: Bearer {IN_HEADER}\r\nx-api-key: {IN_HEADER}\r\n\
             Cookie: session={IN_COOKIE}\r\n"
        );
        let text = format!("my key is {IN_BODY}, keep it");
        let tool = json!({
            "type": "mcp", "server_label": "x", "server_url": "https://example.com", "authorization": IN_BODY,
            "headers": {"Authorization": format!("Bearer {IN_BODY}")}
        });
        let asked =
            json!({"model": "gpt-4.1", "tools": [tool], "messages": [{"role": "user", "content": text}]});
        recorder.post(&format!("{path}?key={IN_QUERY}"), &headers, asked.to_string()).rest()
    };
    assert!(holds(&call("first", "/v1/chat/completions"), b"Hello"));
    assert!(holds(&call("second", "/v1/chat/completions"), b"Hello"));
    assert!(holds(&call("session", "/v1/realtime/sessions"), TOLD.as_bytes()), "the client gets it");
    recorder.recorded(3);

    // While it runs the tape still has the bodies, and credentials in bodies with them; never those of heads.
    for path in home.files() {
        let bytes = std::fs::read(&path).unwrap();
        for secret in [IN_HEADER, IN_QUERY, IN_COOKIE] {
            assert!(!holds(&bytes, secret.as_bytes()), "{secret} in {}", path.display());
        }
    }
    let records = home.export();
    let fingerprint = |name: &str, header: &str| {
        let headers = case(&records, name)["raw"]["request"]["headers"].as_array().unwrap().clone();
        let found = headers.into_iter().find(|pair| pair[0].as_str().unwrap().eq_ignore_ascii_case(header));
        found.unwrap()[1].as_str().unwrap().to_owned()
    };
    let first = fingerprint("first", "authorization");
    assert_eq!(first, fingerprint("second", "authorization"), "the same key, the same mark");
    let mark = fingerprint("first", "x-api-key");
    assert!(first.ends_with(&mark), "{first} and {mark} are the same key's");
    assert_ne!(mark, fingerprint("first", "cookie"));
    assert!(case(&records, "first")["output_text"] == "Hello");
    assert!(body(&case(&records, "first")["raw"]["request"]).starts_with(b"{\"model\":\"gpt-4.1\""));

    let said = recorder.stop();
    let exported = records.iter().map(ToString::to_string).collect::<String>();
    for secret in [IN_HEADER, IN_QUERY, IN_BODY, IN_COOKIE, TOLD] {
        assert!(!exported.contains(secret), "{secret} in the export");
        assert!(!said.contains(secret), "{secret} in what it says");
        for path in home.files() {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!holds(&bytes, secret.as_bytes()), "{secret} in {}", path.display());
        }
    }
    // Another run has the same key for its marks.
    let recorder = Recorder::start(&home, &upstream);
    let headers = format!("x-wiretape-case: later\r\nAuthorization: Bearer {IN_HEADER}\r\n");
    recorder.call("GET", &format!("/v1/models?key={IN_QUERY}"), &headers, b"").rest();
    recorder.recorded(1);
    let later = home.export();
    assert!(case(&later, "later").to_string().contains(&first));
    recorder.stop();
}

#[test]
fn what_cannot_be_looked_through_is_in_no_file() {
    let home = Home::new();
    // Not text as a whole, so that nobody can say what else is in it.
    let opaque = || [b"\0\xff\x80", IN_BODY.as_bytes(), b"\x01"].concat();
    let upstream = provider(move |mut asked| {
        let coded = "Content-Type: application/json\r\nContent-Encoding: my-own\r\n";
        let framed = "Content-Type: application/vnd.amazon.eventstream\r\n";
        if asked.path().contains("frames") {
            asked.answer("200 OK", framed, error_frame(&format!("{IN_BODY} is not known")));
        } else if asked.path().contains("text") {
            asked.answer("200 OK", coded, chat(IN_BODY).to_string());
        } else {
            asked.answer("200 OK", coded, opaque());
        }
    });
    let recorder = Recorder::start(&home, &upstream);
    let call = |name: &str, headers: &str, body: &[u8]| {
        let headers = format!("x-wiretape-case: {name}\r\n{headers}");
        recorder.post(&format!("/v1/chat/completions?{name}"), &headers, body).rest()
    };
    assert!(holds(&call("opaque", "Content-Encoding: exi\r\n", &opaque()), &opaque()), "the client gets it");
    assert!(holds(&call("text", "", b"{}"), IN_BODY.as_bytes()));
    assert!(holds(&call("frames", "", b"{}"), IN_BODY.as_bytes()));
    recorder.recorded(3);
    assert_eq!(recorder.metric("recorder_cut_bodies_total"), 2);

    let records = home.export();
    let left_out = case(&records, "opaque");
    let lost = opaque().len();
    for side in ["request", "response"] {
        assert_eq!(left_out["raw"][side]["lost_bytes"], lost, "{left_out}");
        let told = format!("{lost} bytes at the end of the {side}'s body were not kept");
        assert!(left_out["losses"].to_string().contains(&told), "{left_out}");
        let told = format!("everything in the {side}'s body: its content-encoding cannot be taken off");
        assert!(left_out["redactions"].to_string().contains(&told), "{left_out}");
    }
    let chat = case(&records, "text");
    assert!(body(&chat["raw"]["response"]).starts_with(b"{"), "{chat}");
    assert!(chat["redactions"].to_string().contains("keys: 1 in the response's body"), "{chat}");
    assert!(holds(&body(&case(&records, "frames")["raw"]["response"]), b"] is not known"));

    let said = recorder.stop();
    assert!(!said.contains(IN_BODY));
    for path in home.files() {
        assert!(!holds(&std::fs::read(&path).unwrap(), IN_BODY.as_bytes()), "{}", path.display());
    }
}

/// A frame of an AWS event stream that says in a header what went wrong.
fn error_frame(message: &str) -> Vec<u8> {
    let mut headers = b"\x0d:message-type\x07\0\x05error\x0e:error-message\x07".to_vec();
    headers.extend(u16::try_from(message.len()).unwrap().to_be_bytes());
    headers.extend(message.as_bytes());
    let mut frame = Vec::new();
    for length in [16 + headers.len(), headers.len()] {
        frame.extend(u32::try_from(length).unwrap().to_be_bytes());
    }
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame.extend(headers);
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame
}
