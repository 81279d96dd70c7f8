//! What is compared: each target started on ports of its own, with its files in one temporary folder.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::Result;
use crate::options::{Kind, Options};
use crate::process::Guard;

const FOLDER: &str = "wiretape-overhead-";
const START: Duration = Duration::from_secs(10);

/// A folder that is removed when dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Result<Self> {
        let parent = std::env::temp_dir();
        sweep(&parent);
        let path = parent.join(format!("{FOLDER}{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Folder(path))
    }

    fn inner(&self, name: &str) -> Result<PathBuf> {
        let path = self.0.join(name);
        fs::create_dir_all(&path)?;
        Ok(path)
    }
}

/// Removes what runs left that were killed: the recordings in it are large.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(FOLDER)?.parse::<u32>().ok());
        if owner.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub struct Target {
    pub kind: Kind,
    pub address: SocketAddr,
    /// What goes before the provider's path.
    pub prefix: &'static str,
    /// Where a recorder tells how far it is.
    pub web: Option<SocketAddr>,
    /// The provider itself has no proxy to watch.
    process: Option<Guard>,
}

impl Target {
    pub fn pids(&self) -> Vec<u32> {
        self.process.as_ref().map(Guard::pids).unwrap_or_default()
    }

    /// What the proxy said last: for the message when something went wrong.
    pub fn last_words(&self) -> String {
        self.process.as_ref().map(Guard::last_words).unwrap_or_default()
    }

    pub fn start(kind: Kind, options: &Options, folder: &Folder, mock: SocketAddr) -> Result<Self> {
        let home = folder.inner(kind.name())?;
        let (address, web) = (free_address()?, free_address()?);
        let (process, prefix) = match kind {
            Kind::Direct => return Ok(Target { kind, address: mock, prefix: "", web: None, process: None }),
            Kind::Nginx => (start_nginx(options, &home, address, mock)?, ""),
            Kind::Bare => {
                let arguments = ["role:bare".to_owned(), address.to_string(), mock.to_string()];
                (Guard::start(&home, "bare", arguments)?, "")
            }
            Kind::Relay => {
                let configuration = write_configuration(&home, address, web, mock)?;
                let arguments = ["role:relay".as_ref(), configuration.as_os_str()];
                (Guard::start(&home, "relay", arguments)?, "/mock")
            }
            Kind::Wiretape => {
                let configuration = write_configuration(&home, address, web, mock)?;
                (start_wiretape(options, &home, &configuration)?, "/mock")
            }
        };
        let process = Some(accepting(process, kind.name(), address)?);
        Ok(Target { kind, address, prefix, web: Some(web).filter(|_| kind == Kind::Wiretape), process })
    }
}

pub fn start_mock(folder: &Folder) -> Result<(Guard, SocketAddr)> {
    let address = free_address()?;
    let process =
        Guard::start(&folder.inner("mock")?, "mock", ["role:mock".to_owned(), address.to_string()])?;
    Ok((accepting(process, "mock", address)?, address))
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

fn accepting(mut process: Guard, name: &str, address: SocketAddr) -> Result<Guard> {
    let deadline = Instant::now() + START;
    while Instant::now() < deadline && !process.has_ended() {
        if TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok() {
            return Ok(process);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(format!("{name} did not start to listen on {address}; it said:\n{}", process.last_words()).into())
}

fn start_nginx(options: &Options, home: &Path, listen: SocketAddr, mock: SocketAddr) -> Result<Guard> {
    let configuration = home.join("nginx.conf");
    fs::write(&configuration, nginx_configuration(home, listen, mock))?;
    let arguments = ["role:exec".as_ref(), options.nginx.as_os_str(), "-e".as_ref(), "stderr".as_ref()];
    let place = ["-p".as_ref(), home.as_os_str(), "-c".as_ref(), configuration.as_os_str()];
    Guard::start(home, "nginx", arguments.into_iter().chain(place))
}

/// nginx at its best for this work: answers and uploads pass unbuffered, and connections on both sides are kept, also
/// after the thousand requests at which it would close them by default.
fn nginx_configuration(home: &Path, listen: SocketAddr, mock: SocketAddr) -> String {
    let home = home.display();
    // Started by root, its workers would become `nobody` and not reach our folder.
    let user = if rustix::process::geteuid().is_root() { "user root root;" } else { "" };
    format!(
        "{user}
daemon off;
worker_processes auto;
worker_rlimit_nofile 16384;
pid {home}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 16384; }}
http {{
  access_log off;
  client_body_temp_path {home}/body;
  proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi;
  scgi_temp_path {home}/scgi;
  client_max_body_size 0;
  keepalive_requests 100000000;
  upstream mock {{ server {mock}; keepalive 512; keepalive_requests 100000000; }}
  server {{
    listen {listen};
    location / {{
      proxy_pass http://mock;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
      proxy_buffering off;
      proxy_read_timeout 300s;
      location = /v1/files {{ proxy_pass http://mock; proxy_request_buffering off; }}
    }}
  }}
}}
"
    )
}

fn write_configuration(
    home: &Path,
    listen: SocketAddr,
    web: SocketAddr,
    mock: SocketAddr,
) -> Result<PathBuf> {
    let configuration = home.join("wiretape.toml");
    fs::write(
        &configuration,
        format!(
            "[proxy]\nlisten = \"{listen}\"\n[web]\nlisten = \"{web}\"\n\
             [upstream.mock]\nurl = \"http://{mock}\"\nprovider = \"openai\"\n"
        ),
    )?;
    Ok(configuration)
}

fn start_wiretape(options: &Options, home: &Path, configuration: &Path) -> Result<Guard> {
    let program = fs::canonicalize(&options.wiretape)?;
    let arguments = ["role:exec".as_ref(), program.as_os_str(), "serve".as_ref(), "--config".as_ref()];
    Guard::start(home, "wiretape", arguments.into_iter().chain([configuration.as_os_str()]))
}
