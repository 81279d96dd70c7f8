//! What agents say by themselves, as they say it.

use serde_json::json;

use super::*;

#[test]
fn agents_are_understood() {
    check(vec![
        // Claude Code: the main line has no agent's id.
        (
            &[("X-Claude-Code-Session-Id", UUID), ("user-agent", "claude-cli/2.1 (external, cli)")],
            &[],
            json!({"metadata": {"user_id": format!("{{\"device_id\":\"d1\",\"account_uuid\":\"\",\"session_id\":\"{UUID}\"}}")}}),
            json!({"session": UUID}),
        ),
        (
            &[
                ("x-claude-code-session-id", UUID),
                ("x-claude-code-agent-id", "a1b2c3"),
                ("x-claude-code-parent-agent-id", "a0"),
                ("x-claude-code-prompt-id", "p1"),
                ("x-claude-code-agent-type", "Explore"),
                ("x-claude-code-request-class", "subagent"),
                ("x-claude-code-prev-tool-durations", "mcp%3Ba=1.5;Read=9;Bad;X=-1;Y=NaN"),
            ],
            &[],
            json!({}),
            json!({
                "session": UUID, "thread": "a1b2c3", "parent_thread": "a0", "turn": "p1", "agent": "Explore",
                "role": "subagent", "tool_durations": [["mcp;a", 1.5], ["Read", 9.0]],
            }),
        ),
        (
            &[("x-claude-code-request-class", "main"), ("x-claude-code-compaction", "manual")],
            &[],
            json!({"metadata": {"user_id": "user_ab_account_acc-1_session_s-1", "team": "x"}}),
            json!({"session": "s-1", "user": "acc-1", "role": "compaction", "labels": {"team": "x"}}),
        ),
        (&[], &[], json!({"metadata": {"user_id": "session_9b2c0c3e"}}), json!({"session": "9b2c0c3e"})),
        (&[], &[], json!({"metadata": {"user_id": "u42"}}), json!({"user": "u42"})),
        // opencode's child, with another's title for the same.
        (
            &[
                ("x-session-id", "ses_child"),
                ("x-parent-session-id", "ses_root"),
                ("x-session-affinity", "ses_child"),
            ],
            &[],
            json!({}),
            json!({"session": "ses_child", "parent_session": "ses_root", "role": "subagent"}),
        ),
        // pi, which has no name of its own in its calls.
        (&[("session_id", UUID)], &[], json!({"prompt_cache_key": UUID}), json!({"session": UUID})),
        (&[], &[], json!({"prompt_cache_key": "my-app"}), json!({})),
        (&[("agent-session-id", "20261120_1")], &[], json!({}), json!({"session": "20261120_1"})),
        (
            &[("x-initiator", "agent"), ("x-interaction-type", "conversation-subagent")],
            &[],
            json!({}),
            json!({"role": "subagent"}),
        ),
        (
            &[],
            &[],
            json!({"session_id": UUID, "user_prompt_id": "p########1"}),
            json!({"session": UUID, "turn": "p########1"}),
        ),
    ]);
}

#[test]
fn ids_of_claude_code_are_noted_apart() {
    let ids = json!({"device_id": "d1", "account_uuid": "a1", "session_id": "s1", "parent_session_id": "s0"});
    let said = of(&[], &[], &json!({"metadata": {"user_id": ids.to_string()}}));
    let seen: Vec<_> = said.seen.iter().map(|seen| (seen.means, seen.value.as_str())).collect();
    let expected =
        [("session", "s1"), ("parent_session", "s0"), ("account", "a1"), ("device", "d1"), ("user", "a1")];
    assert_eq!(seen, expected);
    assert_eq!(plain(&said), json!({"session": "s1", "parent_session": "s0", "user": "a1"}));
    let system = |text: &str| of(&[], &[], &json!({"system": text})).role.map(|(role, _)| role);
    let line = "x-anthropic-billing-header: cc_version=2.1.329; cc_entrypoint=cli;";
    assert_eq!(system(&format!("{line} cc_is_subagent=true;")), Some(Role::Subagent));
    assert_eq!(system(line), None);
}

#[test]
fn codex_is_understood() {
    let metadata = r#"{"session_id":"s-1","thread_id":"t-2","turn_id":"u-2","root_turn_id":"u-1","parent_thread_id":"t-1",
                       "thread_source":"subagent","request_kind":"turn","agent_name":"explorer","workspaces":{}}"#;
    let metadata: &'static str = Box::leak(metadata.replace('\n', "").into_boxed_str());
    let headers: &'static [(&str, &str)] = Box::leak(Box::new([
        ("user-agent", "codex_exec/0.9"),
        ("session-id", "s-1"),
        ("thread-id", "t-2"),
        ("x-codex-turn-metadata", metadata),
        ("x-openai-subagent", "collab_spawn"),
    ]));
    let all = json!({
        "session": "s-1", "thread": "t-2", "parent_thread": "t-1", "turn": "u-1", "agent": "explorer",
        "role": "subagent",
    });
    check(vec![
        (headers, &[], json!({"prompt_cache_key": "s-1"}), all),
        (
            &[("x-codex-turn-metadata", r#"{"request_kind":"prewarm","thread_source":"user"}"#)],
            &[],
            json!({}),
            json!({"role": "side"}),
        ),
        (
            &[("x-codex-turn-metadata", r#"{"request_kind":"compact"}"#)],
            &[],
            json!({}),
            json!({"role": "compaction"}),
        ),
        (&[("conversation_id", UUID), ("session_id", UUID)], &[], json!({}), json!({})),
        (
            &[("originator", "codex_vscode"), ("conversation_id", UUID)],
            &[],
            json!({}),
            json!({"session": UUID}),
        ),
    ]);
}

#[test]
fn a_call_on_a_socket_knows_better_than_its_head() {
    let headers = [
        ("user-agent", "codex_exec/0.9"),
        ("session-id", "s-old"),
        ("x-session-id", "s-older"),
        ("x-codex-turn-metadata", r#"{"turn_id":"u-0","request_kind":"prewarm"}"#),
        ("x-stainless-retry-count", "1"),
        ("traceparent", TRACEPARENT),
    ];
    let mut exchange = exchange(&headers, &[("user", "me")]);
    exchange.upgrade = true;
    let of = |body: Value| said(&exchange, Some(&reading(&body)), &[]);
    let own = of(json!({"client_metadata": {
        "session_id": "s-1", "x-codex-turn-metadata": "{\"turn_id\":\"u-1\",\"request_kind\":\"turn\"}",
        "ws_request_header_traceparent": "00-1af7651916cd43dd8448eb211c80319c-c7ad6b7169203331-01",
    }}));
    let expected = json!({
        "session": "s-1", "turn": "u-1", "role": "main", "user": "me",
        "trace": "1af7651916cd43dd8448eb211c80319c", "parent_span": "c7ad6b7169203331",
    });
    assert_eq!(plain(&own), expected);
    // What is another for each call is not known of one that says nothing.
    let none = of(json!({}));
    assert_eq!(
        (place(none.session.as_ref()), &none.turn, &none.role, none.retries),
        ("header:x-session-id", &None, &None, None)
    );
    assert!(none.seen.iter().any(|seen| seen.means == "turn" && seen.value == "u-0"));
    let whole = said(&exchange, None, &[]);
    assert_eq!(
        (place(whole.turn.as_ref()), whole.retries),
        ("header:x-codex-turn-metadata:turn_id", Some(1))
    );
}
