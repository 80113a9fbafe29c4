//! Servers: the real Worker on real workerd.
//!
//! One server serves the whole binary; a story that needs other variables starts its own and drops it.
//! Every server dies with this process, however it ends: a watcher holds the other end of a pipe and kills
//! the server, by the ids of its processes, when the pipe closes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

use super::{Anon, Stub, Value};
use super::{make, wire};

/// Variables that a server starts with, over the usual ones. An empty value takes one away.
pub type Vars<'a> = [(&'a str, &'a str)];

/// A running server.
pub struct Worker {
    /// `127.0.0.1:8787`
    pub host: String,
    /// The SQLite file behind D1; none when somebody else started the server.
    pub d1: Option<PathBuf>,
    pub vars: BTreeMap<String, String>,
    /// Where the clock is made to tick; none when somebody else started the server.
    control: Option<String>,
    /// Where mails are handed in; none when somebody else started the server.
    pub mail: Option<String>,
    process: Option<Process>,
}

/// The data of a server that has ended.
pub struct Paused {
    persist: PathBuf,
    vars: BTreeMap<String, String>,
}

impl Paused {
    /// Other variables for the next server.
    pub fn with(mut self, vars: &Vars<'_>) -> Paused {
        let vars = vars
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.vars.extend(vars);
        self
    }

    /// Starts another server on the data.
    pub fn resume(self) -> Worker {
        Worker::start_on(self.persist, self.vars)
    }
}

struct Process {
    server: Child,
    watcher: Child,
    /// Closing it is the signal to the watcher.
    lifeline: Option<ChildStdin>,
    persist: PathBuf,
    keep: bool,
}

static SHARED: OnceLock<Option<Worker>> = OnceLock::new();
static BUILT: Mutex<bool> = Mutex::new(false);

impl Worker {
    /// The one server of this run: started at the first call with the sample data, or the one at `WORKER_URL`.
    pub fn shared() -> &'static Worker {
        let begin = || {
            let worker = match std::env::var("WORKER_URL") {
                Ok(url) => Worker::running(&url),
                Err(_) => Worker::start(&outside()),
            };
            worker.seed();
            worker
        };
        // A server that does not start fails once, not once more for each story.
        let shared = SHARED.get_or_init(|| catch_unwind(begin).ok());
        shared
            .as_ref()
            .expect("the server did not start; the first failure says why")
    }

    /// Starts a server of its own on an empty database, which ends and is wiped when the value is dropped.
    pub fn start(vars: &Vars<'_>) -> Worker {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!(
            "edgedesk-test-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let persist = std::env::temp_dir().join(name);
        fs::create_dir_all(&persist).expect("a temporary directory");
        Worker::start_on(persist, usual(vars))
    }

    /// Ends the server at once (`kill -9` of it and its workerd) and keeps its data.
    pub fn pause(mut self) -> Paused {
        let vars = std::mem::take(&mut self.vars);
        let mut process = self
            .process
            .take()
            .expect("only a server of this run can be paused");
        process.keep = true;
        Paused {
            persist: process.persist.clone(),
            vars,
        }
    }

    fn start_on(persist: PathBuf, vars: BTreeMap<String, String>) -> Worker {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let node = root.join("node_modules/.bin/node");
        assert!(
            node.exists(),
            "{} is missing: run `npm ci` first, or `npm test`",
            node.display()
        );
        let serve = root.join("scripts/serve.mjs");
        assert!(serve.exists(), "{} is missing", serve.display());
        let log = persist.join("server.log");
        let mut command = Command::new(&node);
        command
            .arg(&serve)
            .args(["--port", &free_port(), "--persist"])
            .arg(&persist);
        for (name, value) in &vars {
            if value.is_empty() {
                command.args(["--unset", name]);
            } else {
                command.arg("--var").arg(format!("{name}={value}"));
            }
        }
        // The first server of a run builds what changed; the others wait for it and serve the same build.
        let mut built = BUILT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if *built {
            command.arg("--no-build");
        }
        let mut server = command
            .current_dir(root)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).expect("a log file"))
            .process_group(0)
            .spawn()
            .expect("node starts");
        let stdout = server.stdout.take().expect("piped");
        let (watcher, lifeline) = watch(server.id(), &persist);
        let mut process = Process {
            server,
            watcher,
            lifeline: Some(lifeline),
            persist,
            keep: false,
        };

        let mut lines = BufReader::new(stdout).lines();
        let ready = lines.by_ref().map_while(Result::ok).find_map(|line| {
            serde_json::from_str::<Value>(&line)
                .ok()
                .filter(|line| line["ready"] == true)
        });
        let Some(ready) = ready else {
            let said = fs::read_to_string(&log).unwrap_or_default();
            panic!(
                "the server did not start; build it with `node scripts/build.mjs` or run `npm test`.\n{said}"
            );
        };
        *built = true;
        drop(built);
        // Whatever else it says must not block it.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let workerd: Vec<String> = ready["workerd"]
            .as_array()
            .into_iter()
            .flatten()
            .map(Value::to_string)
            .collect();
        if let Some(lifeline) = &mut process.lifeline {
            writeln!(lifeline, "{}", workerd.join(" ")).expect("the watcher listens");
        }
        let url = ready["url"].as_str().expect("a url in the ready line");
        Worker {
            host: host_of(url),
            d1: ready["d1"].as_str().map(PathBuf::from),
            vars,
            control: ready["control"].as_str().map(str::to_owned),
            mail: ready["mail"].as_str().map(str::to_owned),
            process: Some(process),
        }
    }

    /// A server that somebody else started, for example by `npm start`; its secrets are read from `.dev.vars`.
    fn running(url: &str) -> Worker {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(".dev.vars");
        let text = fs::read_to_string(&file).unwrap_or_default();
        let vars = text
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.trim().to_owned(), value.trim().trim_matches('"').to_owned()))
            .collect();
        Worker {
            host: host_of(url),
            d1: None,
            vars,
            control: None,
            mail: None,
            process: None,
        }
    }

    /// Loads the sample accounts and tickets; only a development server can.
    pub fn seed(&self) {
        Anon::on(self)
            .ask("POST", "/dev/seed")
            .at_root()
            .undocumented()
            .header("X-Dev-Secret", self.var("DEV_SECRET"))
            .send()
            .is(200);
    }

    /// Lets a minute of the server's clock pass: what it does every minute is done when this returns.
    pub fn tick(&self) {
        let url = self.control.as_deref().expect("only a server of this run ticks");
        let target = url.find("/cdn-cgi").map_or("/", |at| &url[at..]);
        let request = wire::Request {
            method: "GET",
            target,
            headers: &[],
            body: None,
        };
        let host = host_of(url.split("/cdn-cgi").next().unwrap_or(url));
        let answer = wire::exchange(&host, &request).expect("the clock answers");
        assert_eq!(answer.status, 200, "the clock");
    }

    /// What the server has written into its log.
    pub fn log(&self) -> String {
        let process = self
            .process
            .as_ref()
            .expect("only a server of this run has a log");
        fs::read_to_string(process.persist.join("server.log")).expect("a log file")
    }

    /// A variable that the server was started with.
    pub fn var(&self, name: &str) -> &str {
        self.vars
            .get(name)
            .map(String::as_str)
            .unwrap_or_else(|| panic!("the server has no {name}"))
    }
}

/// The variables by which a server finds the servers of others: here, all of them are [`Stub`].
pub fn outside() -> Vec<(&'static str, &'static str)> {
    let url = &Stub::shared().url;
    let at = |path: &str| -> &'static str { Box::leak(format!("{url}{path}").into_boxed_str()) };
    vec![
        ("MAIL_MODE", "http"),
        ("MAIL_HTTP_URL", at("/mail")),
        ("MAIL_HTTP_KEY", "a key of the mail provider"),
        ("MAIL_FROM", "Edgedesk <desk@desk.example>"),
        ("MAIL_REPLY_TO", "support@desk.example"),
        ("APP_URL", make::ORIGIN),
        ("WEBHOOKS_ALLOW_LOOPBACK", "on"),
        ("AI_BASE_URL", at("/ai")),
        ("AI_API_KEY", "a key of the model's provider"),
        ("AI_MODEL", "stub-1"),
    ]
}

/// The variables of every server of a run: fresh secrets, no rate limits.
fn usual(over: &Vars<'_>) -> BTreeMap<String, String> {
    let mut vars: BTreeMap<String, String> = BTreeMap::new();
    for name in ["JWT_SECRET", "PASSWORD_PEPPER", "DEV_SECRET"] {
        vars.insert(name.to_owned(), make::secret());
    }
    vars.insert("RATE_LIMITS".to_owned(), "off".to_owned());
    vars.insert("ENVIRONMENT".to_owned(), "development".to_owned());
    vars.insert("CORS_ORIGINS".to_owned(), make::ORIGIN.to_owned());
    for (name, value) in over {
        vars.insert((*name).to_owned(), (*value).to_owned());
    }
    vars
}

/// A port that is free, out of the range from which the system gives ports to clients, and never the same twice
/// in one run.
fn free_port() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let first = u64::from(std::process::id()) % 5_000;
    for _ in 0..10_000 {
        let port = 20_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        if TcpListener::bind(format!("127.0.0.1:{port}")).is_ok() {
            return port.to_string();
        }
    }
    panic!("no port of 20000 to 29999 is free")
}

fn host_of(url: &str) -> String {
    url.trim_start_matches("http://").trim_end_matches('/').to_owned()
}

/// Ends the server when the pipe closes: first line its id, second line the ids of its workerd once it serves.
/// A server that serves is killed at once; one that is still starting is asked to stop.
const WATCH: &str = "read -r server; read -r workerd; cat >/dev/null
    if [ -n \"$workerd\" ]; then kill -9 $server $workerd; else kill $server; fi
    [ -e \"$1/keep\" ] || rm -rf \"$1\"";

fn watch(server: u32, persist: &Path) -> (Child, ChildStdin) {
    let mut watcher = Command::new("sh")
        .args(["-c", WATCH, "sh"])
        .arg(persist)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("sh starts");
    let mut lifeline = watcher.stdin.take().expect("piped");
    writeln!(lifeline, "{server}").expect("the watcher listens");
    (watcher, lifeline)
}

impl Drop for Process {
    fn drop(&mut self) {
        let mark = self.persist.join("keep");
        if self.keep {
            fs::write(&mark, "").expect("a mark that keeps the data");
        }
        drop(self.lifeline.take());
        let _ = self.watcher.wait();
        let _ = self.server.wait();
        let _ = fs::remove_file(&mark);
    }
}
