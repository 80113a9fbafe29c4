//! Other people's servers: one HTTP server in this process that notes what it is sent and answers as it is told.
//!
//! Mails, webhooks and models go to paths of their own; a story takes a path that nobody else has, or looks for
//! its own address in what came in.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Condvar, Mutex, OnceLock};
use std::time::{Duration, Instant};

use super::Value;

/// What came in.
#[derive(Clone, Debug)]
pub struct Sent {
    pub method: String,
    /// With its query.
    pub path: String,
    /// Names in lower case.
    pub headers: HashMap<String, String>,
    pub body: String,
}

impl Sent {
    /// The body, which is JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    /// A header's value, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// An answer to give.
#[derive(Clone, Debug)]
pub struct Canned {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    /// Before it is given.
    pub pause: Duration,
}

impl Canned {
    /// An answer of a status and a JSON body.
    pub fn new(status: u16, body: impl Into<String>) -> Canned {
        Canned {
            status,
            headers: Vec::new(),
            body: body.into(),
            pause: Duration::ZERO,
        }
    }
}

type Rule = Box<dyn Fn(&Sent) -> Canned + Send>;

/// The server.
pub struct Stub {
    /// `http://127.0.0.1:41234`
    pub url: String,
    seen: Mutex<Vec<Sent>>,
    came: Condvar,
    rules: Mutex<Vec<(String, Rule)>>,
}

/// Longer than any honest delivery takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

impl Stub {
    /// The one server of this run.
    pub fn shared() -> &'static Stub {
        static SHARED: OnceLock<&'static Stub> = OnceLock::new();
        SHARED.get_or_init(Stub::start)
    }

    fn start() -> &'static Stub {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let stub: &'static Stub = Box::leak(Box::new(Stub {
            url,
            seen: Mutex::default(),
            came: Condvar::new(),
            rules: Mutex::default(),
        }));
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                std::thread::spawn(move || stub.serve(socket));
            }
        });
        stub
    }

    /// Answers requests whose path begins so by the rule; the latest rule wins. Without one, 200 and `{}`.
    pub fn answer(&self, path: &str, rule: impl Fn(&Sent) -> Canned + Send + 'static) {
        self.rules.lock().unwrap().push((path.to_owned(), Box::new(rule)));
    }

    /// What has come in so far that the condition holds for.
    pub fn seen(&self, wanted: impl Fn(&Sent) -> bool) -> Vec<Sent> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|sent| wanted(sent)).cloned().collect()
    }

    /// Waits until so many have come in that the condition holds for, and gives them all.
    #[track_caller]
    pub fn wait(&self, count: usize, wanted: impl Fn(&Sent) -> bool) -> Vec<Sent> {
        let begun = Instant::now();
        let mut seen = self.seen.lock().unwrap();
        loop {
            let found: Vec<Sent> = seen.iter().filter(|sent| wanted(sent)).cloned().collect();
            if found.len() >= count {
                return found;
            }
            let left = PATIENCE.saturating_sub(begun.elapsed());
            assert!(!left.is_zero(), "only {} of {count} came in", found.len());
            seen = self.came.wait_timeout(seen, left).unwrap().0;
        }
    }

    fn serve(&self, mut socket: TcpStream) -> Option<()> {
        let mut from = BufReader::new(socket.try_clone().ok()?);
        loop {
            let sent = read(&mut from)?;
            let canned = {
                let rules = self.rules.lock().unwrap();
                let rule = rules.iter().rev().find(|(path, _)| sent.path.starts_with(path));
                rule.map_or_else(|| Canned::new(200, "{}"), |(_, rule)| rule(&sent))
            };
            self.seen.lock().unwrap().push(sent);
            self.came.notify_all();
            std::thread::sleep(canned.pause);
            let mut head = format!(
                "HTTP/1.1 {} Canned\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
                canned.status,
                canned.body.len()
            );
            for (name, value) in &canned.headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            socket
                .write_all(format!("{head}\r\n{}", canned.body).as_bytes())
                .ok()?;
        }
    }
}

fn read(from: &mut impl BufRead) -> Option<Sent> {
    let first = line(from)?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = HashMap::new();
    loop {
        let line = line(from)?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut body = Vec::new();
    if headers
        .get("transfer-encoding")
        .is_some_and(|value| value == "chunked")
    {
        loop {
            let size = usize::from_str_radix(&line(from)?, 16).ok()?;
            let mut chunk = vec![0; size];
            from.read_exact(&mut chunk).ok()?;
            body.append(&mut chunk);
            line(from)?;
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = headers.get("content-length") {
        body = vec![0; length.parse().ok()?];
        from.read_exact(&mut body).ok()?;
    }
    Some(Sent {
        method,
        path,
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

fn line(from: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    from.read_line(&mut line).ok().filter(|read| *read > 0)?;
    Some(line.trim_end().to_owned())
}
