//! Against servers that lie, dawdle and point elsewhere.

use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nthe rest of a picture";
const MAX: u64 = 100_000;

fn limits() -> Limits {
    Limits {
        max_size: MAX,
        max_per_ticket: 1,
        max_per_day: 1,
        max_total: MAX,
        timeout: Duration::from_secs(5),
        types: vec!["image/png".to_owned(), "text/plain".to_owned()],
        allow_http: true,
        allow_private_addresses: true,
    }
}

/// A fetcher, with the folder it fills.
struct Stage {
    fetcher: Fetcher,
    folder: Folder,
    home: TempDir,
}

impl Stage {
    fn new(limits: Limits) -> Self {
        Self::with(Resolver::new(limits.private()), limits)
    }

    fn with(resolver: Resolver, limits: Limits) -> Self {
        // A second test in the same process has installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let home = TempDir::new().unwrap();
        let folder = Folder::open(home.path()).unwrap();
        Self { fetcher: Fetcher::with(resolver, limits, folder.clone()).unwrap(), folder, home }
    }

    async fn fetch(&self, url: &str) -> Result<Fetched, Failure> {
        self.fetcher.fetch(url, Uuid::now_v7()).await
    }

    /// Why a file is refused for good, after a check that nothing of it is left.
    async fn refusal(&self, url: &str) -> String {
        let outcome = self.fetch(url).await;
        assert_eq!(std::fs::read_dir(self.home.path()).unwrap().count(), 0, "{url} left something");
        match outcome {
            Err(Failure::Refused(reason)) => reason,
            other => panic!("{url}: {other:?}"),
        }
    }

    async fn trouble(&self, url: &str) -> String {
        let outcome = self.fetch(url).await;
        assert_eq!(std::fs::read_dir(self.home.path()).unwrap().count(), 0, "{url} left something");
        match outcome {
            Err(Failure::Temporary(reason)) => reason,
            other => panic!("{url}: {other:?}"),
        }
    }
}

/// A server that answers each request by `answer(path)`; it gives its address.
async fn server<F: Future<Output = ()> + Send>(
    answer: impl Fn(String, TcpStream) -> F + Send + Sync + 'static,
) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read(&mut byte).await.unwrap_or(0) == 0 {
                    break;
                }
                request.push(byte[0]);
            }
            let request = String::from_utf8(request).unwrap();
            let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
            answer(path, stream).await;
        }
    });
    format!("http://{address}")
}

/// A server with one fixed answer to everything.
async fn serving(head: &str, body: &[u8]) -> String {
    let mut answer = format!("HTTP/1.1 {head}\r\n\r\n").into_bytes();
    answer.extend_from_slice(body);
    server(move |_, mut stream| {
        let answer = answer.clone();
        async move {
            let _ = stream.write_all(&answer).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_file_is_kept_under_its_id_with_what_its_bytes_say() {
    let stage = Stage::new(limits());
    let server = serving("200 OK\r\nContent-Type: text/html\r\nContent-Length: 29", PNG).await;
    let id = Uuid::now_v7();
    let fetched = stage.fetcher.fetch(&format!("{server}/../../evil.html"), id).await.unwrap();
    assert_eq!((fetched.media_type.as_str(), fetched.size), ("image/png", 29));
    assert_eq!(fetched.sha256.len(), 64);
    assert_eq!(fetched.sha256, Sha256::digest(PNG).iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    assert_eq!(std::fs::read(stage.home.path().join(id.to_string())).unwrap(), PNG);
    assert_eq!(stage.folder.files().await.unwrap(), [(id, 29)]);
}

#[tokio::test]
async fn nothing_in_our_own_network_is_asked() {
    let asked = serving("200 OK\r\nContent-Length: 29", PNG).await;
    let port = asked.rsplit(':').next().unwrap();
    let stage = Stage::new(Limits { allow_private_addresses: false, ..limits() });
    for host in [
        "127.0.0.1",
        "0",
        "0x7f.1",
        "2130706433",
        "017700000001",
        "127.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::]",
        "169.254.169.254",
        "localhost",
        "LOCALHOST",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
    ] {
        let reason = stage.refusal(&format!("http://{host}:{port}/x.png")).await;
        assert_eq!(reason, NotPublic.to_string(), "{host}");
    }
}

#[tokio::test]
async fn a_name_that_leads_into_our_own_network_is_not_followed() {
    let server = serving("200 OK\r\nContent-Length: 29", PNG).await;
    let port = server.rsplit(':').next().unwrap();
    let resolver = Resolver::scripted(&[("evil.example", &["127.0.0.1", "::1"])]);
    let stage = Stage::with(resolver, Limits { allow_private_addresses: false, ..limits() });
    assert_eq!(stage.refusal(&format!("http://evil.example:{port}/x.png")).await, NotPublic.to_string());
    assert_eq!(stage.trouble(&format!("http://unknown.example:{port}/x.png")).await, "its server cannot be reached");
}

#[tokio::test]
async fn a_redirection_is_checked_like_a_first_address() {
    let pictures = serving("200 OK\r\nContent-Length: 29", PNG).await;
    let target = pictures.clone();
    let redirects = server(move |path, mut stream| {
        let to = match path.as_str() {
            "/there" => format!("{target}/x.png"),
            "/relative" => "/there".to_owned(),
            "/loop" => "/loop".to_owned(),
            "/file" => "file:///etc/passwd".to_owned(),
            "/mail" => "http://127.0.0.1:25/".to_owned(),
            _ => String::new(),
        };
        async move {
            let location = if to.is_empty() { String::new() } else { format!("Location: {to}\r\n") };
            let _ =
                stream.write_all(format!("HTTP/1.1 302 Found\r\n{location}Content-Length: 0\r\n\r\n").as_bytes()).await;
        }
    })
    .await;
    let stage = Stage::new(limits());
    for (path, reason) in [
        ("/loop", "its server redirects too often"),
        ("/nowhere", "its server redirects to nowhere"),
        ("/file", "its address is not one of the web"),
        ("/mail", "its address has an unusual port"),
    ] {
        assert_eq!(stage.refusal(&format!("{redirects}{path}")).await, reason, "{path}");
    }
    assert_eq!(stage.fetch(&format!("{redirects}/there")).await.unwrap().size, 29);
    assert_eq!(stage.fetch(&format!("{redirects}/relative")).await.unwrap().size, 29);
}

#[tokio::test]
async fn addresses_of_other_kinds_are_refused_unasked() {
    let stage = Stage::new(Limits { allow_http: false, ..limits() });
    for (url, reason) in [
        ("http://files.example/x.png", "its address is http, not https"),
        ("ftp://files.example/x.png", "its address is not one of the web"),
        ("file:///etc/passwd", "its address is not one of the web"),
        ("https://me:pw@files.example/x.png", "its address has a password in it"),
        ("https://files.example:22/x.png", "its address has an unusual port"),
        ("https://", "its address is no URL"),
        ("no url", "its address is no URL"),
    ] {
        assert_eq!(stage.refusal(url).await, reason, "{url}");
    }
    let reason = "it was sent encrypted, which the desk cannot read (XEP-0454)";
    assert_eq!(stage.refusal("aesgcm://files.example/x.jpg#00ff").await, reason);
}

#[tokio::test]
async fn no_more_than_the_limit_is_taken_whatever_was_announced() {
    let stage = Stage::new(limits());
    let too_large = format!("it is larger than {MAX} bytes");
    // Announced: not a byte is read.
    let announced = serving(&format!("200 OK\r\nContent-Length: {}", MAX + 1), PNG).await;
    assert_eq!(stage.refusal(&announced).await, too_large);
    // Without an end, and not announced.
    let endless = |head: &'static str, chunk: Vec<u8>| {
        server(move |_, mut stream| {
            let chunk = chunk.clone();
            async move {
                let _ = stream.write_all(head.as_bytes()).await;
                while stream.write_all(&chunk).await.is_ok() {}
            }
        })
    };
    let plain = endless("HTTP/1.1 200 OK\r\n\r\n", b"word ".repeat(2000)).await;
    assert_eq!(stage.refusal(&plain).await, too_large);
    let mut chunk = b"2710\r\n".to_vec();
    chunk.extend_from_slice(&b"word ".repeat(2000));
    chunk.extend_from_slice(b"\r\n");
    let chunked = endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunk).await;
    assert_eq!(stage.refusal(&chunked).await, too_large);
    // One that announces more than comes has broken off; of one that announces less, the rest is not read.
    let broken = serving("200 OK\r\nContent-Length: 1000", PNG).await;
    assert_eq!(stage.trouble(&broken).await, "the transfer broke off");
    let cut = serving("200 OK\r\nContent-Length: 10", PNG).await;
    assert_eq!(stage.fetch(&cut).await.unwrap().size, 10);
}

#[tokio::test]
async fn a_slow_server_has_its_time_and_no_more() {
    let stage = Stage::new(Limits { timeout: Duration::from_millis(400), ..limits() });
    let dripping = server(|_, mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").await;
        while stream.write_all(b"x").await.is_ok() {
            time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let silent = server(|_, stream| async move {
        time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    for url in [dripping, silent] {
        let began = Instant::now();
        assert_eq!(stage.trouble(&url).await, "it did not arrive within 0.4 s");
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_server_that_drips_is_given_up_before_its_time_and_one_that_pauses_is_not() {
    let mut stage = Stage::new(Limits { timeout: Duration::from_secs(60), ..limits() });
    stage.fetcher.pulse = Duration::from_secs(1);
    let dripping = server(|_, mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").await;
        while stream.write_all(b"x").await.is_ok() {
            time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let began = Instant::now();
    assert_eq!(stage.trouble(&dripping).await, TOO_SLOW);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    // In gulps, for longer than it takes to be looked at.
    let gulping = server(|_, mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 75029\r\n\r\n").await;
        let _ = stream.write_all(PNG).await;
        for _ in 0..15 {
            let _ = stream.write_all(&[b'x'; 5_000]).await;
            time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    assert_eq!(stage.fetch(&gulping).await.unwrap().size, 75_029);
}

#[tokio::test]
async fn what_is_of_another_kind_is_not_kept_whatever_it_is_called() {
    let stage = Stage::new(limits());
    let pretending = "200 OK\r\nContent-Type: image/png\r\nConnection: close";
    for (body, reason) in [
        (&b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>"[..], "it is of no type that is taken here"),
        (b"<!DOCTYPE html><script>alert(1)</script>", "it is of no type that is taken here"),
        (b"MZ\x90\0\x03", "it is of no type that is taken here"),
        (b"\x1f\x8b\x08\0", "it is of no type that is taken here"),
        (b"%PDF-1.7", "files of the type application/pdf are not taken here"),
        (b"", "it is empty"),
    ] {
        let server = serving(pretending, body).await;
        assert_eq!(stage.refusal(&format!("{server}/cat.png")).await, reason);
    }
}

#[tokio::test]
async fn what_a_server_answers_decides_whether_it_is_asked_again() {
    let stage = Stage::new(limits());
    for (status, again) in [
        ("404 Not Found", false),
        ("403 Forbidden", false),
        ("206 Partial Content", false),
        ("204 No Content", false),
        ("503 Busy", true),
        ("500 Oh", true),
        ("429 Slow Down", true),
    ] {
        let server = serving(&format!("{status}\r\nConnection: close"), PNG).await;
        let reason = if again { stage.trouble(&server).await } else { stage.refusal(&server).await };
        assert_eq!(reason, format!("its server answered {}", &status[..3]));
    }
    let gone = {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        listener.local_addr().unwrap()
    };
    assert_eq!(stage.trouble(&format!("http://{gone}/x")).await, "its server cannot be reached");
}
