//! Asks a running recorder whether it takes calls, so that a container without a shell can ask too.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// For everything together: a health check that hangs is one that failed.
const PATIENCE: Duration = Duration::from_secs(2);
/// No status is longer.
const LONGEST_STATUS: u64 = 64 << 10;
/// No status line is longer.
const LONGEST: usize = 256;

/// What `/readyz` at this address says, where it is that calls are taken; the error is what to tell the user instead.
pub(super) fn ask(listen: SocketAddr) -> Result<String, String> {
    if listen.port() == 0 {
        return Err("web.listen has port 0: which one it is, only the recorder knows".to_owned());
    }
    let address = reachable(listen);
    let url = format!("http://{address}/readyz");
    match status_line(address, Instant::now() + PATIENCE) {
        Ok(line) if is_ok(&line) => Ok(format!("running: {url} answered 200")),
        Ok(line) => Err(format!("not ready: {url} answered {line:?}")),
        Err(why) => Err(format!("not running: {url}: {why}")),
    }
}

/// What `/readyz` at this address tells, where something answers.
pub(super) fn status(listen: SocketAddr) -> Option<serde_json::Value> {
    let address = Some(reachable(listen)).filter(|address| address.port() != 0)?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream
        .write_all(format!("GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").as_bytes())
        .ok()?;
    let mut answer = Vec::new();
    stream.take(LONGEST_STATUS).read_to_end(&mut answer).ok()?;
    let body = answer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    serde_json::from_slice(answer.get(body..)?).ok()
}

/// An address to connect to, where the one listened on stands for all of the machine's.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

fn status_line(address: SocketAddr, deadline: Instant) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, left(deadline)?)?;
    stream.set_write_timeout(Some(left(deadline)?))?;
    // In one piece: written in several, an answer may come, and the connection go, before the last of them.
    let request = format!("GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut line = Vec::new();
    let mut piece = [0; LONGEST];
    while line.len() < LONGEST && !line.contains(&b'\n') {
        stream.set_read_timeout(Some(left(deadline)?))?;
        match stream.read(&mut piece)? {
            0 => break,
            read => line.extend_from_slice(&piece[..read]),
        }
    }
    let end = line.iter().position(|&byte| byte == b'\n').unwrap_or(line.len());
    let line = line[..end].trim_ascii().to_vec();
    String::from_utf8(line).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP"))
}

fn is_ok(line: &str) -> bool {
    let mut words = line.split(' ');
    words.next().is_some_and(|version| version.starts_with("HTTP/1.")) && words.next() == Some("200")
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time")) } else { Ok(left) }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Answers one request with this, in the pieces given.
    fn answering(pieces: &'static [&'static str]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).unwrap();
            assert!(request[..read].starts_with(b"GET /readyz HTTP/1.1\r\n"));
            for piece in pieces {
                stream.write_all(piece.as_bytes()).unwrap();
                thread::sleep(Duration::from_millis(5));
            }
        });
        address
    }

    #[test]
    fn a_recorder_that_takes_calls_is_running() {
        let answer = ask(answering(&["HTTP/1.1 2", "00 OK\r\ncontent-length: 2\r\n\r\n{}"]));
        assert!(answer.unwrap().ends_with("/readyz answered 200"));
    }

    #[test]
    fn any_other_answer_says_what_it_was() {
        let stopping = ask(answering(&["HTTP/1.1 503 Service Unavailable\r\n\r\n"])).unwrap_err();
        assert!(stopping.starts_with("not ready") && stopping.contains("503"), "{stopping}");
        for other in [&["SSH-2.0 200\r\n"][..], &["HTTP/1.1 2001 x\r\n"], &[]] {
            assert!(ask(answering(other)).unwrap_err().starts_with("not ready"), "{other:?}");
        }
    }

    #[test]
    fn nobody_there_is_not_running() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        assert!(ask(address).unwrap_err().starts_with("not running"));
        assert!(ask(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap_err().contains("port 0"));
    }

    #[test]
    fn silence_ends_in_time() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let begun = Instant::now();
        assert!(ask(listener.local_addr().unwrap()).unwrap_err().starts_with("not running"));
        assert!(begun.elapsed() < PATIENCE * 3);
    }

    #[test]
    fn an_address_that_means_all_is_asked_on_loopback() {
        for (listen, asked) in
            [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:1", "[::1]:1"), ("10.0.0.1:1", "10.0.0.1:1")]
        {
            assert_eq!(reachable(listen.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
