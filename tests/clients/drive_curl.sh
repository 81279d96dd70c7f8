#!/usr/bin/env bash
# Drives curl: HTTP/1.1, HTTP/2 in clear and over TLS, uploads of each kind, trailers, odd targets.
#
# usage: drive_curl.sh BASE [--named] [--h2c] [--results FILE] [NAME…]
#
# BASE is the provider's address or that of a relay before it; with --named, the provider's name is a path segment of
# the relay's. With --h2c the base is asked for HTTP/2 at once (prior knowledge); without it the same scenarios go over
# HTTP/1.1, as what to compare with. An https:// base is spoken to in HTTP/2 by ALPN, and must be signed by
# $CLIENTS_CA. Prints `ok NAME` or `FAIL NAME: why`; results go to the results file, for compare.py.

set -uo pipefail

fail_usage() { echo "usage: drive_curl.sh BASE [--named] [--h2c] [--results FILE] [NAME…]" >&2; exit 2; }

[[ $# -ge 1 ]] || fail_usage
base=${1%/} named='' h2c='' results=/dev/null only=' '
shift
while [[ $# -gt 0 ]]; do
    case $1 in
        --named) named=/openai ;;
        --h2c) h2c=yes ;;
        --results) results=$2; shift ;;
        -*) fail_usage ;;
        *) only+="$1 " ;;
    esac
    shift
done

for name in "${!http_proxy@}" "${!HTTP_PROXY@}" "${!https_proxy@}" "${!HTTPS_PROXY@}" "${!all_proxy@}" "${!ALL_PROXY@}"; do
    unset "$name"
done
export NO_PROXY=127.0.0.1,localhost no_proxy=127.0.0.1,localhost

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: >"$results"
python=${PYTHON:-python3}
v1=$base$named/v1
failed=0
head -c 2000000 /dev/zero | tr '\0' 'x' >"$work/large"
chat='{"model":"gpt-mock","messages":[{"role":"user","content":"Tromsø? 天気は?"}]}'
stream='{"model":"gpt-mock","stream":true,"messages":[{"role":"user","content":"Tromsø? 天気は?"}]}'
json=(-H 'content-type: application/json' -H 'authorization: Bearer sk-fake-openai')

# Calls curl as a client of the scenario $name, and keeps the response's head and body.
ask() {
    local version=--http1.1
    case $base in https:*) version=--http2 ;; esac
    if [[ $name == h2_* && -n $h2c ]]; then version=--http2-prior-knowledge; fi
    if [[ $name == upgrade_offer ]]; then version=--http2; fi
    if [[ $name == http10 ]]; then version=--http1.0; fi
    curl -q --silent --show-error --max-time "${limit:-30}" "$version" ${CLIENTS_CA:+--cacert "$CLIENTS_CA"} \
        -H "x-mock-scenario: $name" -D "$work/head" -o "$work/body" "$@"
}

# What the client made of it: status and headers without the hop-by-hop ones, and the body's hash.
result() {
    "$python" - "$name" "$work/head" "$work/body" >>"$results" <<'PYTHON'
import hashlib, json, os, sys
name, head, body = sys.argv[1:]
hop = {"connection", "keep-alive", "transfer-encoding", "trailer", "upgrade"}
lines = [line for line in open(head, encoding="latin-1").read().split("\n") if line.strip()]
status = [line.split()[1] for line in lines if line.startswith("HTTP/")][-1]
headers = [line.strip().split(":", 1) for line in lines if not line.startswith("HTTP/")]
if name.startswith("tls_"):
    hop.add("date")  # the TLS front writes its own
headers = [[key, value.strip()] for key, value in headers if key.lower() not in hop]
if name.startswith("h2_"):
    headers = sorted([key.lower(), value] for key, value in headers)
if name == "trailers":  # curl writes them behind the headers; they are relayed by name, and names have no case
    headers = [[key.lower(), value] for key, value in headers]
data = open(body, "rb").read() if os.path.exists(body) else b""
if name == "h2_head":  # the head again, which HTTP/2 writes otherwise
    data = b""
found = {"status": status, "headers": headers, "body": [hashlib.sha256(data).hexdigest(), len(data)]}
print(json.dumps([name, found]))
PYTHON
}

# check NAME FUNCTION ARGUMENTS…: runs a scenario and reports it.
check() {
    name=$1
    if [[ $only != ' ' && $only != *" $name "* ]]; then return; fi
    rm -f "$work/head" "$work/body"
    if "${@:2}" 2>"$work/why" && result 2>>"$work/why"; then
        echo "ok $name"
    else
        failed=$((failed + 1))
        echo "FAIL $name: $(tr -s '[:space:]' ' ' <"$work/why" | tail -c 400) $(head -c 200 "$work/body" 2>/dev/null)"
    fi
}

holds() { grep -qi -- "$2" "$1" || { echo "no '$2' in what came" >&2; return 1; }; }
size_is() { [[ $(wc -c <"$work/body") == "$1" ]] || { echo "$(wc -c <"$work/body") bytes instead of $1" >&2; return 1; }; }

# --- scenarios ---------------------------------------------------------------------------------------------------

get() { ask "$v1/mock/bytes/100000" && size_is 100000; }

head_only() { ask --head "$v1/mock/bytes/100000" && holds "$work/head" 100000; }

call() { ask "${json[@]}" -d "$chat" "$v1/chat/completions" && holds "$work/body" '日本語'; }

streamed() { ask -N "${json[@]}" -d "$stream" "$v1/chat/completions" && holds "$work/body" '\[DONE\]'; }

encoded() { ask --compressed -N "${json[@]}" -H "x-mock-encoding: $1" -d "$stream" "$v1/chat/completions" && holds "$work/body" '\[DONE\]'; }

upload() { ask -H 'Expect:' --data-binary "@$work/large" "$v1/mock/echo" && cmp "$work/large" "$work/body"; }

upload_expecting_100() {
    ask -v -H 'Expect: 100-continue' --data-binary "@$work/large" "$v1/mock/echo" || return
    cmp "$work/large" "$work/body" && holds "$work/why" '100 Continue'
}

upload_refused() { ask -H 'Expect:' -H 'x-mock-fail: 400' --data-binary "@$work/large" "$v1/mock/echo" && holds "$work/body" 'mock says 400'; }

upload_of_unknown_length() { ask -H 'Expect:' -T - "$v1/mock/echo" <"$work/large" && cmp "$work/large" "$work/body"; }

upload_form() { ask -H 'Expect:' -F model=whisper-mock -F "file=@$work/large;filename=a.wav" "$v1/audio/transcriptions" && holds "$work/body" 2000000; }

with_trailers() { ask -H 'TE: trailers' "$v1/mock/trailers" && holds "$work/head" 'x-mood: calm'; }

odd_target() { ask --path-as-is "$v1/mock//a%3Ab:c/../d%2fe/%E2%82%AC//?q=%20+&&=#gone" && holds "$work/body" '"/v1/mock//a%3Ab:c/../d%2fe/%E2%82%AC//?q=%20+&&="'; }

redirected() { ask "$v1/mock/status/307" && holds "$work/head" '/v1/mock/elsewhere?x=%2F'; }

many_at_once() {
    local parts=() number
    for number in {1..20}; do parts+=("$v1/mock/bytes/$((number * 1000))" -o "$work/part$number"); done
    # A connection each: this curl cannot use one of prior knowledge twice (drive_node.mjs tries that).
    # The first URL's body goes where the others' do not; what is kept of the heads is that of one more, alone, since
    # these end in any order.
    ask --parallel --parallel-immediate "$v1/mock/bytes/1" "${parts[@]}" || return
    for number in {1..20}; do
        [[ $(wc -c <"$work/part$number") == $((number * 1000)) ]] || { echo "part $number is cut" >&2; return 1; }
    done
    ask "$v1/mock/bytes/1"
}

leaves_early() {
    limit=0.5 ask -N "${json[@]}" -H 'x-mock-endless: 1' -d "$stream" "$v1/chat/completions" 2>/dev/null
    [[ $? == 28 ]] || { echo "curl did not run into its time limit" >&2; return 1; }
    ask "$v1/mock/left/$name"
}

if [[ $base == https:* ]]; then
    check tls_get get
    check tls_call call
    check tls_stream streamed
    check tls_upload upload
    check tls_upload_of_unknown_length upload_of_unknown_length
    check tls_odd_target odd_target
    check tls_leaves_early leaves_early
    check tls_many_at_once many_at_once
else
    check get get
    check head head_only
    check call call
    check stream streamed
    for encoding in gzip deflate br zstd; do check "stream_$encoding" encoded "$encoding"; done
    check upload upload
    check upload_expecting_100 upload_expecting_100
    check upload_refused upload_refused
    check upload_of_unknown_length upload_of_unknown_length
    check upload_form upload_form
    check trailers with_trailers
    check odd_target odd_target
    check redirected redirected
    check http10 get
    check upgrade_offer call
    check many_at_once many_at_once
    check leaves_early leaves_early
    check h2_get get
    check h2_head head_only
    check h2_call call
    check h2_stream streamed
    check h2_stream_gzip encoded gzip
    check h2_upload upload
    check h2_upload_refused upload_refused
    check h2_upload_of_unknown_length upload_of_unknown_length
    check h2_upload_form upload_form
    check h2_trailers with_trailers
    check h2_odd_target odd_target
    check h2_many_at_once many_at_once
    check h2_leaves_early leaves_early
fi

exit $((failed > 0))
