//! Where objects are: in an S3 store of somebody else, which checks our signatures, and in the Worker's own
//! bucket, which the clock clears of what nobody needs.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::client::Role;
use crate::support::link::{self, follow, headers};
use crate::support::make::{self, attachment, attachment_with, upload};
use crate::support::post::{Delivered, deliver, plain};
use crate::support::{Admin, Anon, Caller, Customer, Value, Worker, json, sqlite};

const VERSION: &str = "0.14.1";

/// A running s3s-fs: an S3 server by others, which keeps objects as files.
struct Store {
    server: Child,
    host: String,
    root: PathBuf,
    keys: [String; 2],
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

impl Store {
    fn start(id: &str, secret: &str) -> Store {
        let root = std::env::temp_dir().join(format!("edgedesk-s3-{}", make::unique()));
        std::fs::create_dir_all(root.join("files")).expect("a bucket");
        let port = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let host = port.local_addr().expect("its address").to_string();
        drop(port);
        let keys = [id.to_owned(), secret.to_owned()];
        let server = serve(&host, &keys, &root);
        wait_for(&host);
        Store {
            server,
            host,
            root,
            keys,
        }
    }

    /// Stops the server; its objects stay.
    fn pause(&mut self) {
        self.server.kill().expect("it can be stopped");
        self.server.wait().expect("it has stopped");
    }

    /// Starts it again.
    fn resume(&mut self) {
        self.server = serve(&self.host, &self.keys, &self.root);
        wait_for(&self.host);
    }

    /// The originals of mails in the bucket.
    fn originals(&self) -> usize {
        let keys = self.keys();
        keys.iter().filter(|key| key.starts_with("original-")).count()
    }

    /// The keys of the bucket.
    fn keys(&self) -> Vec<String> {
        let folder = std::fs::read_dir(self.root.join("files")).expect("the bucket");
        let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut keys: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
        keys.sort_unstable();
        keys
    }
}

/// Starts the server; it does not listen yet.
fn serve(host: &str, [id, secret]: &[String; 2], root: &Path) -> Child {
    Command::new(program())
        .args(["--host", "127.0.0.1", "--port", host.rsplit(':').next().unwrap()])
        .args(["--access-key", id, "--secret-key", secret])
        .arg(root)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("s3s-fs starts")
}

fn wait_for(host: &str) {
    for _ in 0..100 {
        if TcpStream::connect(host).is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("s3s-fs does not listen");
}

/// Where `npm test` looks for s3s-fs, or puts it, beside the other tools that cargo builds.
fn program() -> PathBuf {
    let said = Command::new("s3s-fs").arg("--version").output();
    if said.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).trim().ends_with(VERSION)) {
        return PathBuf::from("s3s-fs");
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.unwrap_or_else(|| Path::new(&std::env::var_os("HOME").expect("HOME")).join(".cache"));
    let root = cache.join(format!("edgedesk/tools/s3s-fs-{VERSION}"));
    let program = root.join("bin/s3s-fs");
    assert!(
        program.exists(),
        "s3s-fs is missing; `npm test` installs it, and so does\n  \
         cargo install s3s-fs --version {VERSION} --features binary --root {}",
        root.display()
    );
    program
}

#[test]
fn another_store_believes_our_signatures() {
    let (id, secret) = ("AKIAEDGEDESK", make::secret());
    let store = Store::start(id, &secret);
    let worker = Worker::start(&[
        ("R2_ENDPOINT", &format!("http://{}", store.host)),
        ("R2_ACCESS_KEY_ID", id),
        ("R2_SECRET_ACCESS_KEY", &secret),
        ("R2_BUCKET", "files"),
    ]);
    worker.seed();
    let (customer, admin) = (Customer::on(&worker), Admin::on(&worker));
    let ticket = make::ticket(&customer);
    let name = json!({"filename": "Ä b+c.pdf", "content_type": "application/pdf"});
    let link = upload(&customer, &ticket, b"hello", name);
    let url = link["upload_url"].as_str().expect("a link");
    assert!(url.starts_with(&format!("http://{}/files/", store.host)), "{url}");
    // The store refuses what was not signed, and keeps nothing.
    let sent = headers(&link);
    let other_type = [
        ("content-type".to_owned(), "text/html".to_owned()),
        sent[1].clone(),
    ];
    let stolen = url.replace(link["key"].as_str().unwrap(), "another");
    let unsigned = url.split('?').next().unwrap();
    for (url, headers, body) in [
        (url, &other_type[..], &b"hello"[..]),
        (url, &sent[..1], b"hello"),
        (url, &sent, b"hello!"),
        (&stolen, &sent, b"hello"),
        (unsigned, &sent, b"hello"),
    ] {
        assert_eq!(
            follow("PUT", url, headers, Some(body)).status,
            403,
            "{url} {headers:?}"
        );
    }
    assert!(store.keys().is_empty(), "{:?}", store.keys());
    let register = |by: &Caller| by.post("/attachments", json!({"key": link["key"]}));
    register(&customer).refused(409, "CONFLICT");
    // It takes what was signed, once.
    assert_eq!(follow("PUT", url, &sent, Some(b"hello")).status, 200);
    assert_eq!(follow("PUT", url, &sent, Some(b"world")).status, 412);
    let file = register(&customer).is(201).json();
    let path = format!("/attachments/{}", file["id"]);
    let download = admin.get(&format!("{path}/download")).is(200);
    assert_eq!(download.bytes(), b"hello");
    let record = admin.get(&path).is(200).json();
    let fetch = record["download_url"].as_str().expect("a link");
    let linked = follow("GET", fetch, &[], None);
    assert_eq!((linked.status, linked.body.as_slice()), (200, &b"hello"[..]));
    let header = |name: &str| linked.headers.iter().find(|(known, _)| known == name);
    assert_eq!(
        header("content-disposition").expect("a name").1,
        "attachment; filename=\"_ b+c.pdf\"; filename*=UTF-8''%C3%84%20b+c.pdf"
    );
    let inline = fetch.replace("attachment", "inline");
    assert_eq!(follow("GET", &inline, &[], None).status, 403);
    // The Worker's own store is closed then.
    Anon::on(&worker)
        .ask("GET", "/uploads/anything")
        .at_root()
        .send()
        .refused(404, "NOT_FOUND");
    customer.delete(&path).is(204);
    assert!(store.keys().is_empty(), "{:?}", store.keys());
    // What comes by mail is put there by ourselves; what belongs to nothing is not left behind.
    let part = "--x\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n\r\nby mail\r\n--x--\r\n";
    let headers = "Content-Type: multipart/mixed; boundary=x\r\n";
    let mail = |id: usize| {
        let from = &customer.email;
        let (_, domain) = from.split_once('@').expect("an address");
        let proof = format!("Authentication-Results: mx.cloudflare.net; dmarc=pass header.from={domain}\r\n");
        format!("{proof}From: {from}\r\nSubject: hello\r\nMessage-ID: <{id}@x>\r\n{headers}\r\n{part}")
            .into_bytes()
    };
    let take = |id: usize| deliver(&worker, &customer.email, "support@desk.example", &mail(id));
    crate::support::race(3, |_| assert_eq!(take(1), Delivered::Accepted));
    let ticket_by_mail = customer.get("/tickets?limit=1").is(200).rows().remove(0);
    let files = format!("/tickets/{}/attachments", ticket_by_mail["id"]);
    let file = customer.get(&files).is(200).rows().remove(0);
    // Beside the file the store holds the original of the mail that was taken, once.
    let (originals, files): (Vec<String>, Vec<String>) = store
        .keys()
        .into_iter()
        .partition(|key| key.starts_with("original-"));
    assert_eq!(files, [file["uid"].as_str().unwrap()]);
    assert_eq!(originals.len(), 1, "{originals:?}");
    let download = customer
        .get(&format!("/attachments/{}/download", file["id"]))
        .is(200);
    assert_eq!(download.bytes(), b"by mail");
    // Without the store, the rest of the desk goes on.
    drop(store);
    assert_eq!(take(2), Delivered::Later);
    let late = upload(&customer, &ticket, b"hello", json!({}));
    let body = json!({"key": late["key"]});
    let refused = customer.ask("POST", "/attachments").json(&body).may_fail().send();
    refused.refused(503, "UNAVAILABLE");
    make::message(&customer, &ticket, "Still here.");
}

#[test]
fn originals_of_what_was_edited_or_deleted_are_deleted_in_the_end() {
    let (id, secret) = ("AKIAEDGEDESK", make::secret());
    let mut store = Store::start(id, &secret);
    let worker = Worker::start(&[
        ("R2_ENDPOINT", &format!("http://{}", store.host)),
        ("R2_ACCESS_KEY_ID", id),
        ("R2_SECRET_ACCESS_KEY", &secret),
        ("R2_BUCKET", "files"),
        ("MAIL_REPLY_TO", "support@desk.example"),
    ]);
    worker.seed();
    let (customer, admin) = (Customer::on(&worker), Admin::on(&worker));
    let take = |subject: &str, body: &str| {
        let mail = plain(&customer.email, subject, "", body);
        let taken = deliver(&worker, &customer.email, "support@desk.example", &mail);
        assert_eq!(taken, Delivered::Accepted);
    };
    let newest = || customer.get("/tickets?limit=1").is(200).rows().remove(0);
    take("Kept", "It is kept.");
    let kept = newest();
    let number = format!("Re: [{}] Kept", kept["number"].as_str().unwrap());
    for body in ["Kept, too.", "Edited.", "Deleted."] {
        take(&number, body);
    }
    take("Edited", "My password is 1234.");
    let edited = newest();
    take("Deleted", "It is deleted.");
    let deleted = newest();
    let number = format!("Re: [{}] Deleted", deleted["number"].as_str().unwrap());
    take(&number, "Deleted with its ticket.");
    assert_eq!(store.originals(), 7);
    // The store is away meanwhile.
    store.pause();
    let comments = format!("/tickets/{}/comments", kept["id"]);
    let messages = admin.get(&comments).is(200).rows();
    assert_eq!(messages.len(), 3);
    let message = |at: usize| format!("/messages/{}", messages[at]["id"]);
    admin.put(&message(1), json!({"body": "Otherwise."})).is(200);
    admin.delete(&message(2)).is(204);
    let path = format!("/tickets/{}", edited["id"]);
    admin
        .put(&path, json!({"description": "My password is secret."}))
        .is(200);
    admin.delete(&format!("/tickets/{}", deleted["id"])).is(204);
    worker.tick();
    assert_eq!(store.originals(), 7);
    store.resume();
    worker.tick();
    // The deleted ticket keeps its own, with its texts: it may be restored.
    assert_eq!(store.originals(), 4, "{:?}", store.keys());
    let path = format!("/tickets/{}", deleted["id"]);
    admin.post(&format!("{path}/restore"), json!({})).is(200);
    for original in [
        format!("/tickets/{}/original", kept["id"]),
        format!("{}/original", message(0)),
        format!("{path}/original"),
    ] {
        admin.get(&original).is(200);
    }
    worker.tick();
    assert_eq!(store.originals(), 4);
}

#[test]
fn the_clock_clears_what_nobody_needs() {
    // No sample data, whose files would be in the bucket too.
    let worker = Worker::start(&[]);
    let customer = Customer::on(&worker);
    let ticket = make::ticket(&customer);
    let key = |file: &Value| file["uid"].as_str().expect("a uid").to_owned();
    let delete = |path: String| customer.delete(&path).is(204);
    let kept = attachment(&customer, &ticket, b"kept");
    let old = attachment(&customer, &ticket, b"old");
    // Deleted, and sent again under the link that was given for it.
    let link = upload(&customer, &ticket, b"undead", json!({}));
    link::put(&link, b"undead").is(200);
    let undead = customer
        .post("/attachments", json!({"key": link["key"]}))
        .is(201)
        .json();
    delete(format!("/attachments/{}", undead["id"]));
    link::put(&link, b"undead").is(200);
    let said = make::message(&customer, &ticket, "With a file.");
    let of_message = attachment_with(&customer, &ticket, b"said", json!({"message_id": said["id"]}));
    delete(format!("/messages/{}", said["id"]));
    let [abandoned, under_way] = [b"abandoned", b"under way"].map(|body: &[u8; 9]| {
        let link = upload(&customer, &ticket, body, json!({}));
        link::put(&link, body).is(200);
        link["key"].as_str().expect("a key").to_owned()
    });
    let shown = |worker: &Worker| {
        let again = Caller::login(worker, Role::Customer, &customer.email, make::PASSWORD);
        again
            .get(&format!("/tickets/{}/attachments", ticket["id"]))
            .is(200)
            .rows()
            .len()
    };
    assert_eq!(shown(&worker), 2);

    let (worker, keys) = keys_after(worker, "");
    let all = [
        key(&kept),
        key(&old),
        key(&undead),
        key(&of_message),
        abandoned.clone(),
        under_way.clone(),
    ];
    assert_eq!(keys, sorted(&all));
    // Too early for anything: the links still live.
    worker.tick();
    let hour = 60 * 60_000;
    let sql = format!(
        "UPDATE attachments SET created_at = created_at - 2 * {hour} WHERE uid <> '{under_way}';
         UPDATE attachments SET attached_at = attached_at - 2 * {hour} WHERE uid = '{}';
         UPDATE attachments SET created_at = created_at - 23 * {hour} WHERE uid = '{abandoned}';",
        key(&old)
    );
    let (worker, keys) = keys_after(worker, &sql);
    assert_eq!(keys, sorted(&all));
    worker.tick();
    worker.tick();
    // The uploader's quarter of an hour is over.
    let again = Caller::login(&worker, Role::Customer, &customer.email, make::PASSWORD);
    again
        .delete(&format!("/attachments/{}", old["id"]))
        .refused(403, "FORBIDDEN");
    // Too late for a registration, in time for the other.
    again
        .post("/attachments", json!({"key": abandoned}))
        .refused(404, "NOT_FOUND");
    let (worker, keys) = keys_after(worker, "");
    assert_eq!(keys, sorted(&[key(&kept), key(&old), under_way.clone()]));
    let again = Caller::login(&worker, Role::Customer, &customer.email, make::PASSWORD);
    again.post("/attachments", json!({"key": under_way})).is(201);
    assert_eq!(shown(&worker), 3);
}

fn sorted(keys: &[String]) -> Vec<String> {
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    keys
}

/// Stops the server, runs SQL on its database, looks which objects its bucket has, and starts it again.
fn keys_after(worker: Worker, sql: &str) -> (Worker, Vec<String>) {
    let database = worker.d1.clone().expect("the server tells its database");
    let paused = worker.pause();
    sqlite::run(&database, sql, "");
    let storage = database.parent().and_then(Path::parent).and_then(Path::parent);
    let buckets = storage.expect("the storage").join("r2/miniflare-R2BucketObject");
    let mut keys = Vec::new();
    for entry in std::fs::read_dir(buckets).expect("the buckets") {
        let file = entry.unwrap().path();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".sqlite") && !name.starts_with("metadata") {
            let rows = sqlite::run(&file, "", "SELECT key FROM _mf_objects");
            keys.extend(rows.iter().map(|row| row["key"].as_str().unwrap().to_owned()));
        }
    }
    (paused.resume(), sorted(&keys))
}
