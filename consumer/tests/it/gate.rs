//! A forwarder to ClickHouse that can be shut and opened. While it is shut, it cuts connections and
//! accepts none.

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A forwarder of connections. It ends with the test's runtime.
pub(crate) struct Gate {
    pub(crate) url: String,
    is_open: watch::Sender<bool>,
}

impl Gate {
    /// Starts an open forwarder to this address.
    pub(crate) async fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let target = target.strip_prefix("http://").unwrap().to_owned();
        let (is_open, seen) = watch::channel(true);
        #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (target, mut seen) = (target.clone(), seen.clone());
                tokio::spawn(async move {
                    if !*seen.borrow() {
                        return;
                    }
                    let Ok(mut far) = TcpStream::connect(target).await else { return };
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        _ = seen.wait_for(|is_open| !is_open) => {}
                    }
                });
            }
        });
        Self { url, is_open }
    }

    /// Shuts or opens the forwarder.
    pub(crate) fn set(&self, is_open: bool) {
        self.is_open.send_replace(is_open);
    }
}
