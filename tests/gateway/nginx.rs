//! The gateway itself: nginx with our configuration, on this machine's addresses.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use local_services::{Signal, spawn_bound_to_us};

use crate::system::WAIT_MAX;

pub struct Nginx {
    child: Child,
    folder: PathBuf,
    pub base: String,
}

impl Nginx {
    /// Before these two sides. None if there is no nginx here.
    pub fn before(name: &str, command: &str, query: &str) -> Option<Self> {
        let program = found("nginx")?;
        // Its workers are somebody else if we are root, who must be able to come here.
        let folder = std::env::temp_dir().join(format!("daybook-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let here = |port: u16| format!("127.0.0.1:{port}");
        let free = TcpListener::bind(here(0)).unwrap().local_addr().unwrap().port();
        let bare = |address: &str| address.trim_start_matches("http://").to_owned();
        let mut text = fs::read_to_string(super::CONFIGURATION).unwrap();
        for (ours, here) in [
            // Looking names up again is known to newer versions than some systems have.
            (" resolve;", ";".to_owned()),
            ("command-api:8000", bare(command)),
            ("query-api:8000", bare(query)),
            ("listen 8080", format!("listen {}", here(free))),
            ("/tmp/", format!("{}/", folder.display())),
            ("/dev/stdout", format!("{}/access.log", folder.display())),
            ("worker_processes auto", "worker_processes 1".into()),
            ("worker_rlimit_nofile 32768;", String::new()),
            ("worker_connections 8192", "worker_connections 256".into()),
        ] {
            assert!(text.contains(ours), "the configuration has no `{ours}` any more");
            text = text.replace(ours, &here);
        }
        let configuration = folder.join("nginx.conf");
        fs::write(&configuration, text).unwrap();
        let errors = fs::File::create(folder.join("error.log")).unwrap();
        let mut nginx = Command::new(program);
        nginx.arg("-c").arg(&configuration).args(["-g", "daemon off;"]);
        nginx.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
        let child = spawn_bound_to_us(nginx, Signal::Terminate).unwrap();
        let mut nginx = Self { child, folder, base: format!("http://{}", here(free)) };
        nginx.wait(&here(free));
        Some(nginx)
    }

    fn wait(&mut self, address: &str) {
        let begun = Instant::now();
        while std::net::TcpStream::connect(address).is_err() {
            let words = || fs::read_to_string(self.folder.join("error.log")).unwrap_or_default();
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "nginx has ended: {}", words());
            assert!(begun.elapsed() < WAIT_MAX, "nginx does not listen: {}", words());
            std::thread::yield_now();
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        local_services::signal(self.child.id(), Signal::Terminate);
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Where a program is. What is not here is not tested, and whoever runs the tests shall know.
pub fn found(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders.map(|folder| folder.join(program)).find(|file| Path::is_file(file));
    if found.is_none() {
        // Not `eprintln!`, which nobody sees of a test that succeeds.
        let _ = writeln!(std::io::stderr(), "SKIPPED: there is no {program} here to try it with");
    }
    found
}
