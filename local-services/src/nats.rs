//! A nats-server of our own, with JetStream, on this machine only.

use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::child::Server;
use crate::error::{Doing, Error};
use crate::find::Found;
use crate::os::Signal;
use crate::user::private_folder;

const READY_WAIT_MAX: Duration = Duration::from_secs(30);
const USER: &str = "daybook";

#[derive(Debug)]
pub(crate) struct Nats {
    folder: PathBuf,
    log: PathBuf,
    program: Found,
    password: String,
    port: u16,
    server: Server,
}

impl Nats {
    /// Keeps the streams in `folder`. Other users of the machine do not know the password.
    pub(crate) fn start(folder: PathBuf, log: PathBuf, program: Found) -> Result<Self, Error> {
        private_folder(&folder, None)?;
        let password = random_text()?;
        let (server, port) = run(&folder, &log, &program, &password, None)?;
        Ok(Self { folder, log, program, password, port, server })
    }

    /// Starts the server again at the same address, after it ended or was killed.
    pub(crate) fn restart(&mut self) -> Result<(), Error> {
        self.stop();
        let port = Some(self.port);
        (self.server, self.port) =
            run(&self.folder, &self.log, &self.program, &self.password, port)?;
        Ok(())
    }

    pub(crate) fn stop(&mut self) {
        self.server.stop(Signal::Terminate);
    }

    pub(crate) fn ended(&mut self) -> bool {
        self.server.ended().is_some()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.server.pid()
    }

    pub(crate) fn program(&self) -> &Found {
        &self.program
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://{USER}:{}@127.0.0.1:{}", self.password, self.port)
    }
}

fn run(
    folder: &Path,
    log: &Path,
    program: &Found,
    password: &str,
    port: Option<u16>,
) -> Result<(Server, u16), Error> {
    let port = port.map_or("-1".to_owned(), |port| port.to_string());
    let configuration = folder.join("nats.conf");
    let text = format!(
        "listen: \"127.0.0.1:{port}\"\n\
         ports_file_dir: \"{folder}\"\n\
         jetstream {{ store_dir: \"{folder}\" }}\n\
         authorization {{ user: {USER}, password: \"{password}\" }}\n",
        folder = folder.display(),
    );
    let what = || format!("write {}", configuration.display());
    File::create(&configuration)
        .and_then(|mut file| {
            file.set_permissions(Permissions::from_mode(0o600))?;
            file.write_all(text.as_bytes())
        })
        .doing(what)?;
    let mut command = Command::new(&program.path);
    command.arg("-c").arg(&configuration);
    let mut server = Server::start("nats-server", command, None, log, Signal::Terminate)?;
    let port = server.wait_until(READY_WAIT_MAX, |server| {
        let ports = folder.join(format!("nats-server_{}.ports", server.pid()));
        port_of(&fs::read_to_string(ports).ok()?)
    });
    match port {
        Ok(port) => Ok((server, port)),
        Err(error) => {
            server.stop(Signal::Terminate);
            Err(error)
        }
    }
}

/// From `{"nats":["nats://127.0.0.1:41234"], ...}`.
fn port_of(ports: &str) -> Option<u16> {
    let (_, rest) = ports.split_once("nats://127.0.0.1:")?;
    let (port, _) = rest.split_once('"')?;
    port.parse().ok()
}

fn random_text() -> Result<String, Error> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .doing(|| "read /dev/urandom".into())?;
    // Led by a letter: the configuration would take digits for a number.
    Ok(bytes.iter().fold("p".to_owned(), |text, byte| text + &format!("{byte:02x}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_the_ports_file() {
        let text = "{\n\t\"nats\": [\n\t\t\"nats://127.0.0.1:41234\"\n\t]\n}";
        assert_eq!(port_of(text), Some(41234));
        assert_eq!(port_of("{}"), None);
    }
}
