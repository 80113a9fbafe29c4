//! One HTTP/1.1 exchange over a fresh socket.
//!
//! Written by hand because these tests must send what client libraries refuse to send (unknown methods,
//! bodies longer than allowed, raw bytes) and must read the answer of a server that stopped listening early.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

/// An answer as it came over the wire.
#[derive(Clone, Debug)]
pub struct Raw {
    pub status: u16,
    /// Names in lower case, in the order received.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// A request as it goes over the wire; `target` is the path with its query.
pub struct Request<'a> {
    pub method: &'a str,
    pub target: &'a str,
    pub headers: &'a [(String, String)],
    pub body: Option<&'a [u8]>,
}

/// Longer than any honest answer takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends one request to `host:port` and reads the whole answer.
pub fn exchange(host: &str, request: &Request<'_>) -> io::Result<Raw> {
    let mut socket = TcpStream::connect(host)?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    let mut head = format!(
        "{} {} HTTP/1.1\r\nHost: {host}\r\n",
        request.method, request.target
    );
    for (name, value) in request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    match request.body {
        Some(body) => head.push_str(&format!("Content-Length: {}\r\n", body.len())),
        None if matches!(request.method, "POST" | "PUT" | "PATCH") => head.push_str("Content-Length: 0\r\n"),
        None => {}
    }
    head.push_str("Connection: close\r\n\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(request.body.unwrap_or_default());
    // A server may answer 413 and stop reading: the answer counts, not the broken pipe.
    let sent = socket.write_all(&bytes);
    match read(&mut BufReader::new(socket), request.method) {
        Ok(raw) => Ok(raw),
        Err(error) => Err(sent.err().unwrap_or(error)),
    }
}

fn read(from: &mut impl BufRead, method: &str) -> io::Result<Raw> {
    loop {
        let line = line(from)?;
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|word| word.parse::<u16>().ok())
            .ok_or_else(|| broken(format!("no status line: {line:?}")))?;
        let headers = headers(from)?;
        if status == 100 {
            continue;
        }
        let body = if method == "HEAD" || status == 204 || status == 304 {
            Vec::new()
        } else {
            body(from, &headers)?
        };
        return Ok(Raw {
            status,
            headers,
            body,
        });
    }
}

fn headers(from: &mut impl BufRead) -> io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let line = line(from)?;
        if line.is_empty() {
            return Ok(headers);
        }
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| broken(format!("bad header {line:?}")))?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

fn body(from: &mut impl BufRead, headers: &[(String, String)]) -> io::Result<Vec<u8>> {
    let get = |wanted: &str| {
        headers
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.as_str())
    };
    let mut body = Vec::new();
    if get("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        loop {
            let size = line(from)?;
            let size = usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16)
                .map_err(|_| broken(format!("bad chunk size {size:?}")))?;
            let mut chunk = vec![0; size];
            from.read_exact(&mut chunk)?;
            body.append(&mut chunk);
            line(from)?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
    match get("content-length").map(str::parse::<usize>) {
        Some(Ok(length)) => {
            body.resize(length, 0);
            from.read_exact(&mut body)?;
        }
        Some(Err(_)) => return Err(broken("bad content-length".to_owned())),
        None => {
            from.read_to_end(&mut body)?;
        }
    }
    Ok(body)
}

fn line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    from.read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server hung up"));
    }
    Ok(String::from_utf8_lossy(&line)
        .trim_end_matches(['\r', '\n'])
        .to_owned())
}

fn broken(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
