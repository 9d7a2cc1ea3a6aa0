//! A ClickHouse engine with its own HTTP and native listeners, on a folder of its own, with users and roles from a file.
//! Knows nothing of toolgate's tables beyond the name of their database.

use super::process::PATIENCE;
use super::{Answer, Door, Folder, Process, ask, free_port, get, ran, tool};
use rustix::process::Signal;
use std::net::SocketAddr;
use std::process::Command;

/// A user of [`ClickHouse::start`]: name and password.
pub(crate) type User = (&'static str, &'static str);

/// May do everything in database `toolgate`, make it, too.
pub(crate) const OWNER: User = ("toolgate", "local-only");
/// Inserts records and reads their keys back, nothing else.
pub(crate) const WRITER: User = ("writer", "local-only-writer");
/// Selects from database `toolgate`, nothing else.
pub(crate) const AUDITOR: User = ("auditor", "local-only-auditor");

/// The users that the Compose stack has.
const USERS: &str = include_str!("../../../deploy/compose/clickhouse/users.xml");

/// The session of [`SERVE`] is this user's; it may do nothing else. Lies beside the users of the test.
const ENGINE: &str = r"<clickhouse><users><default><password/><networks><ip>::/0</ip></networks><grants>
  <query>GRANT SYSTEM LISTEN ON *.*</query><query>GRANT SELECT ON system.numbers</query>
</grants></default></users></clickhouse>
";

/// Opens the listeners, then idles for ever: the engine ends with its last query.
const SERVE: &str = "SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP; \
    SELECT sleepEachRow(1) FROM system.numbers SETTINGS max_block_size=1, function_sleep_max_microseconds_per_block=0 FORMAT Null";

/// A running (or killed, until [`ClickHouse::restart`]) server.
pub(crate) struct ClickHouse {
    // Before the folder: the process ends first.
    process: Process,
    folder: Folder,
    http: SocketAddr,
    native: SocketAddr,
}

impl ClickHouse {
    /// With [`OWNER`], [`WRITER`] and [`AUDITOR`].
    pub(crate) fn start() -> ClickHouse {
        let folder = Folder::new("clickhouse");
        let [http, native] = [free_port(), free_port()].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let users = folder.write("users.xml", USERS);
        folder.write("users.d/engine.xml", ENGINE);
        let config = format!(
            "<clickhouse>
  <path>{}/data/</path><listen_host>127.0.0.1</listen_host><http_port>{}</http_port><tcp_port>{}</tcp_port>
  <max_server_memory_usage>2000000000</max_server_memory_usage>
  <background_pool_size>4</background_pool_size><background_schedule_pool_size>16</background_schedule_pool_size>
  <user_directories><users_xml><path>{}</path></users_xml></user_directories>
</clickhouse>
",
            folder.path().display(),
            http.port(),
            native.port(),
            users.display()
        );
        folder.write("config.xml", config);
        let process = launch(&folder, http);
        let server = ClickHouse { process, folder, http, native };
        ran("ClickHouse engine", &server.version());
        server
    }

    /// Where its HTTP interface listens.
    pub(crate) fn http(&self) -> SocketAddr {
        self.http
    }

    /// Where its native interface listens.
    pub(crate) fn native(&self) -> SocketAddr {
        self.native
    }

    /// Runs one statement; the text of the answer, or ClickHouse's words of refusal.
    pub(crate) fn query(&self, (user, password): User, statement: &str) -> Result<String, String> {
        let request = hyper::Request::post("/").header("x-clickhouse-user", user).header("x-clickhouse-key", password);
        match ask(&Door::Tcp(self.http), request, statement.into()) {
            Ok(Answer { status: 200, body, .. }) => Ok(String::from_utf8(body).unwrap()),
            Ok(answer) => Err(answer.text()),
            Err(why) => Err(why.to_string()),
        }
    }

    /// Merges `content` into its users, in place of what was merged under the same name, from its next start on.
    pub(crate) fn configure_users(&self, name: &str, content: &str) {
        self.folder.write(&format!("users.d/{name}"), content);
    }

    /// `kill -9`.
    pub(crate) fn kill9(&mut self) {
        self.process.kill9();
    }

    /// Starts it again on the same data and ports, after [`ClickHouse::kill9`] or while it runs (then it is asked to end first).
    pub(crate) fn restart(&mut self) {
        self.process.signal(Signal::TERM);
        self.process.wait(PATIENCE);
        self.process = launch(&self.folder, self.http);
    }

    /// Freezes it: connections are accepted by the kernel and nothing answers.
    pub(crate) fn stop(&self) {
        self.process.freeze();
    }

    /// Thaws it.
    pub(crate) fn cont(&self) {
        self.process.signal(Signal::CONT);
    }

    fn version(&self) -> String {
        self.query(OWNER, "SELECT version()").unwrap_or_else(|why| panic!("ClickHouse does not say its version: {why}"))
    }
}

fn launch(folder: &Folder, http: SocketAddr) -> Process {
    let mut command = Command::new(tool("clickhouse/clickhouse"));
    command
        .env("LIBCHDB", tool("clickhouse/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so"))
        .current_dir(folder.path())
        .args(["--log-level", "warning", "--config-file"])
        .arg(folder.path().join("config.xml"))
        .args(["--query", SERVE]);
    let mut process = Process::start("clickhouse", command, folder);
    process.await_ready("`/ping` answers", |_| get(http, "/ping").ok().filter(|answer| answer.status == 200));
    process
}
