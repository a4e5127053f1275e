//! Child processes that cannot outlive their parent.
//!
//! A child is started through the `run-child` subcommand of this program. The subcommand switches
//! to another user if requested, asks the kernel for a signal on the death of the parent
//! (`PR_SET_PDEATHSIG`), and then becomes the child by `exec`. The kernel sends that signal when
//! the forking *thread* ends, so all children are forked by one thread that never ends. Each child
//! leads its own process group: Ctrl-C in the terminal reaches only the parent, which stops the
//! children in order.

use std::fs::{File, OpenOptions};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::time::Duration;

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::{Pid, User};
use tokio::sync::watch;

/// A process to start.
#[derive(Debug, Clone)]
pub struct ProcessSpec {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// Added to the environment of this process.
    pub environment: Vec<(String, String)>,
    /// Standard output and error are appended to this file.
    pub log: PathBuf,
    /// The user that runs the process (only root can change it).
    pub user: Option<String>,
    /// The signal from the kernel when this process dies.
    pub death_signal: Signal,
}

impl ProcessSpec {
    /// Returns a process of the current user that is killed when its parent dies.
    pub fn new(program: impl Into<PathBuf>, log: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            log: log.into(),
            user: None,
            death_signal: Signal::SIGKILL,
        }
    }

    #[must_use]
    pub fn args<T: Into<String>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Adds a variable to the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    fn command(&self) -> anyhow::Result<Command> {
        let mut command = Command::new(own_binary()?);
        command.args(["run-child", "--parent", &std::process::id().to_string()]);
        command.args(["--death-signal", self.death_signal.as_str()]);
        if let Some(user) = &self.user {
            command.args(["--user", user]);
        }
        command.arg("--").arg(&self.program).args(&self.arguments);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        Ok(command)
    }

    /// Starts the process.
    pub fn spawn(&self) -> anyhow::Result<Process> {
        if let Some(folder) = self.log.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let log = log.with_context(|| format!("cannot open {}", self.log.display()))?;
        let mut command = self.command()?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
        let child = fork(command).with_context(|| format!("cannot start {}", self.program.display()))?;
        Process::watch(child)
    }

    /// Runs the process to its end. Its output goes to the log.
    ///
    /// # Errors
    /// When it cannot be started, or fails. The message contains the end of its output.
    pub async fn run(&self) -> anyhow::Result<()> {
        let from = std::fs::metadata(&self.log).map_or(0, |metadata| metadata.len());
        let status = self.spawn()?.wait().await;
        if status.success() {
            return Ok(());
        }
        let name = self.program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        anyhow::bail!("{name} failed ({status}); its last lines:\n{}", tail(&self.log, from, 15))
    }
}

impl ProcessSpec {
    /// Runs the process to its end and returns its standard output. Standard error goes to the log.
    ///
    /// # Errors
    /// When it cannot be started, or fails. The message contains the end of its log.
    pub async fn capture(&self) -> anyhow::Result<String> {
        let from = std::fs::metadata(&self.log).map_or(0, |metadata| metadata.len());
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let log = log.with_context(|| format!("cannot open {}", self.log.display()))?;
        let mut command = tokio::process::Command::from(self.command()?);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).process_group(0).kill_on_drop(true);
        let output =
            command.output().await.with_context(|| format!("cannot run {}", self.program.display()))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let name = self.program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let lines = tail(&self.log, from, 15);
        anyhow::bail!("{name} {} failed ({}):\n{lines}", self.arguments.join(" "), output.status)
    }
}

/// Returns the last lines of a log, starting at an offset.
pub fn tail(log: &Path, from: u64, n_lines: usize) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let from = usize::try_from(from).unwrap_or(usize::MAX).min(bytes.len());
    let text = String::from_utf8_lossy(&bytes[from..]).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(n_lines)..].iter().map(|line| format!("  {line}\n")).collect()
}

type ForkJob = (Command, mpsc::Sender<std::io::Result<Child>>);

/// Forks on the thread that never ends.
fn fork(command: Command) -> anyhow::Result<Child> {
    static FORKER: OnceLock<Mutex<mpsc::Sender<ForkJob>>> = OnceLock::new();
    let forker = FORKER.get_or_init(|| {
        let (sender, jobs) = mpsc::channel::<ForkJob>();
        std::thread::Builder::new()
            .name("forker".into())
            .spawn(move || {
                for (mut command, reply) in jobs {
                    drop(reply.send(command.spawn()));
                }
            })
            .expect("a thread can be started");
        Mutex::new(sender)
    });
    let (reply, child) = mpsc::channel();
    forker
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .send((command, reply))
        .context("the forking thread has ended")?;
    Ok(child.recv().context("the forking thread has ended")??)
}

/// A running child. Dropping it kills it.
pub struct Process {
    pid: Pid,
    exit: watch::Receiver<Option<ExitStatus>>,
    /// Whether the child was reaped. After that its pid may belong to another process.
    reaped: Arc<Mutex<bool>>,
}

impl Process {
    fn watch(mut child: Child) -> anyhow::Result<Self> {
        let pid = Pid::from_raw(i32::try_from(child.id()).context("pid")?);
        let (sender, exit) = watch::channel(None);
        let reaped = Arc::new(Mutex::new(false));
        let is_reaped = Arc::clone(&reaped);
        std::thread::Builder::new().name(format!("wait-{pid}")).spawn(move || {
            // Waits without reaping, so that no signal goes to another process with the same pid.
            while let Err(nix::errno::Errno::EINTR) =
                waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT)
            {}
            let mut is_reaped = is_reaped.lock().unwrap_or_else(PoisonError::into_inner);
            *is_reaped = true;
            if let Ok(status) = child.wait() {
                sender.send_replace(Some(status));
            }
        })?;
        Ok(Self { pid, exit, reaped })
    }

    pub fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Returns the exit status if the process has ended.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        *self.exit.borrow()
    }

    /// Waits for the end of the process. Cancel safe.
    pub async fn wait(&self) -> ExitStatus {
        let mut exit = self.exit.clone();
        match exit.wait_for(Option::is_some).await.map(|status| *status) {
            Ok(Some(status)) => status,
            _ => ExitStatus::default(),
        }
    }

    /// Sends a signal unless the process has ended.
    pub fn signal(&self, signal: Signal) {
        let reaped = self.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        if !*reaped {
            // It is fine if the process has just ended and is not reaped yet.
            kill(self.pid, signal).ok();
        }
    }

    /// Stops the process with `signal`, and kills it if it has not ended within `patience`.
    pub async fn stop(&self, signal: Signal, patience: Duration) -> ExitStatus {
        self.signal(signal);
        match tokio::time::timeout(patience, self.wait()).await {
            Ok(status) => status,
            Err(_) => {
                self.signal(Signal::SIGKILL);
                self.wait().await
            }
        }
    }

    /// Kills the process and waits until it is gone, without a runtime.
    pub fn kill_now(&self) {
        self.signal(Signal::SIGKILL);
        while self.exit.borrow().is_none() && self.exit.has_changed().is_ok() {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
    }
}

/// Returns the executable of this program: itself, or, in a test, the one beside the tests (built
/// if it is missing).
pub fn own_binary() -> anyhow::Result<PathBuf> {
    let current = std::env::current_exe()?;
    // If the binary was rebuilt while it is running, the kernel appends this to its name.
    let path = PathBuf::from(current.to_string_lossy().trim_end_matches(" (deleted)"));
    if path.file_name().is_some_and(|name| name == "sluice-local") {
        return Ok(if path.exists() { path } else { "/proc/self/exe".into() });
    }
    crate::binaries::find("sluice-local")
}

/// The `run-child` subcommand: becomes the child. Returns only on an error.
///
/// # Errors
/// When the user is unknown, the parent is gone already, or the program cannot be started.
pub fn become_child(
    parent: i32,
    death_signal: Signal,
    user: Option<&str>,
    program: &[std::ffi::OsString],
) -> anyhow::Result<std::convert::Infallible> {
    let (program, arguments) = program.split_first().context("no program given")?;
    let mut command = Command::new(program);
    command.args(arguments);
    if let Some(name) = user {
        let user = User::from_name(name)?.with_context(|| format!("there is no user {name}"))?;
        nix::unistd::initgroups(&std::ffi::CString::new(name)?, user.gid)?;
        nix::unistd::setgid(user.gid)?;
        nix::unistd::setuid(user.uid)?;
        command.env("HOME", &user.dir).env("USER", name).current_dir("/");
    }
    // After the change of the user, which would reset it.
    nix::sys::prctl::set_pdeathsig(death_signal)?;
    anyhow::ensure!(nix::unistd::getppid().as_raw() == parent, "the parent has died");
    let error = command.exec();
    Err(error).with_context(|| format!("cannot run {}", program.display()))
}

/// Locks a file for as long as the handle lives. Waits for other owners of the lock.
pub fn lock_file(path: &Path) -> anyhow::Result<nix::fcntl::Flock<File>> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    nix::fcntl::Flock::lock(file, nix::fcntl::FlockArg::LockExclusive)
        .map_err(|(_, error)| anyhow::anyhow!("cannot lock {}: {error}", path.display()))
}
