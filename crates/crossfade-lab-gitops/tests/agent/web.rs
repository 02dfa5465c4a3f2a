//! A registry of charts for one test: answers by path, and what was asked.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Status, headers and body.
#[derive(Clone, Default)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// What `Authorization` has to be; else it is 401 with this challenge.
    pub(crate) wants: Option<(String, String)>,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
}

/// The server; it ends with this value.
pub(crate) struct Web {
    pub(crate) address: SocketAddr,
    pages: Arc<Mutex<BTreeMap<String, Page>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
    serving: JoinSet<()>,
}

impl Page {
    pub(crate) fn new(body: impl Into<Vec<u8>>) -> Page {
        Page { status: 200, body: body.into(), ..Page::default() }
    }

    pub(crate) fn redirect(to: &str) -> Page {
        Page { status: 302, headers: vec![("location".to_owned(), to.to_owned())], ..Page::default() }
    }

    pub(crate) fn for_user(self, name: &str, password: &str) -> Page {
        let wanted = format!("Basic {}", STANDARD.encode(format!("{name}:{password}")));
        self.wanting(&wanted, "Basic realm=\"charts\"")
    }

    pub(crate) fn wanting(self, authorization: &str, challenge: &str) -> Page {
        Page { wants: Some((authorization.to_owned(), challenge.to_owned())), ..self }
    }
}

impl Web {
    pub(crate) async fn start() -> Web {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (pages, asked) = (Arc::default(), Arc::default());
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, Arc::clone(&pages), Arc::clone(&asked)));
        Web { address, pages, asked, serving }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn put(&self, path: &str, page: Page) {
        self.pages.lock().unwrap().insert(path.to_owned(), page);
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// From now on nobody answers.
    pub(crate) async fn end(&mut self) {
        self.serving.shutdown().await;
    }

    /// A Helm repository with these versions of a chart whose ConfigMap has the version as its value.
    pub(crate) fn put_helm(&self, chart: &str, versions: &[&str]) {
        let mut index = format!("apiVersion: v1\nentries:\n  {chart}:\n");
        for version in versions {
            let file = format!("{chart}-{version}.tgz");
            writeln!(index, "  - {{name: {chart}, version: {version}, urls: [archives/{file}]}}").unwrap();
            self.put(&format!("/archives/{file}"), Page::new(mk_chart(chart, version, "")));
        }
        self.put("/index.yaml", Page::new(index));
    }
}

async fn serve(
    listener: TcpListener,
    pages: Arc<Mutex<BTreeMap<String, Page>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
) {
    let mut answering = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (pages, asked) = (Arc::clone(&pages), Arc::clone(&asked));
        answering.spawn(async move {
            // Whoever asked may have gone.
            let _ = answer(stream, &pages, &asked).await;
        });
    }
}

async fn answer(
    mut stream: TcpStream,
    pages: &Mutex<BTreeMap<String, Page>>,
    asked: &Mutex<Vec<Asked>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(&mut stream).lines();
    let first = lines.next_line().await?.unwrap_or_default();
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut authorization = None;
    while let Some(line) = lines.next_line().await?.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").unwrap_or_default();
        if name.eq_ignore_ascii_case("authorization") {
            authorization = Some(value.to_owned());
        }
    }
    asked.lock().unwrap().push(Asked { path: path.clone(), authorization: authorization.clone() });
    let bare = path.split('?').next().unwrap_or_default();
    let page = pages.lock().unwrap().get(bare).cloned();
    let mut page = page.unwrap_or(Page { status: 404, ..Page::default() });
    if let Some((wanted, challenge)) = page.wants.clone()
        && authorization.as_ref() != Some(&wanted)
    {
        let headers = vec![("www-authenticate".to_owned(), challenge)];
        page = Page { status: 401, headers, ..Page::default() };
    }
    let mut head = format!("HTTP/1.1 {} x\r\ncontent-length: {}\r\n", page.status, page.body.len());
    for (name, value) in &page.headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).await?;
    stream.write_all(&page.body).await?;
    stream.shutdown().await
}

/// A packed chart with a ConfigMap of its name; its value is the version. `more` is added to `Chart.yaml`.
pub(crate) fn mk_chart(name: &str, version: &str, more: &str) -> Vec<u8> {
    let map = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  value: {{{{ .Chart.Version | quote }}}}\n  given: {{{{ .Values.given | quote }}}}\n"
    );
    mk_archive(&[
        (&format!("{name}/Chart.yaml"), &format!("apiVersion: v2\nname: {name}\nversion: {version}\n{more}")),
        (&format!("{name}/values.yaml"), "given: nothing\n"),
        (&format!("{name}/templates/map.yaml"), &map),
    ])
}

/// A `.tgz` of files.
pub(crate) fn mk_archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (path, content) in files {
        let mut header = [0; 512];
        header[..path.len()].copy_from_slice(path.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[156] = b'0';
        tar.extend(header);
        tar.extend(content.as_bytes());
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    let mut archive = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0];
    archive.extend(miniz_oxide::deflate::compress_to_vec(&tar, 6));
    archive
}
