//! A path with a limit between a client and the engine: a UDP relay on loopback with a queue and a
//! token bucket towards the client, and loss both ways. The seed of its dice is fixed.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::net::UdpSocket;

/// What waits longer than this does not get into the queue: the buffer of a home router.
const QUEUE: Duration = Duration::from_millis(300);

#[derive(Debug, Default, Clone, Copy)]
pub struct Limits {
    /// Bits per second towards the client.
    pub rate: Option<u64>,
    /// The share of packets that get lost on the way to the client.
    pub loss: f64,
    /// And on the way from it.
    pub loss_up: f64,
    /// Checks by which the client says that it uses this path get lost.
    pub undecided: bool,
}

/// A running relay; dropping it ends it.
pub struct Relay {
    address: SocketAddr,
    engine: SocketAddr,
    limits: Arc<Mutex<Limits>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Relay {
    pub async fn to(engine: SocketAddr) -> Self {
        let near = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        let far = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        far.connect(engine).await.expect("an address");
        let limits = Arc::new(Mutex::new(Limits::default()));
        let address = near.local_addr().expect("a bound socket");
        let path = Path {
            near,
            far,
            limits: limits.clone(),
            queue: VecDeque::new(),
            free_at: Instant::now(),
            dice: StdRng::seed_from_u64(5),
        };
        Self {
            address,
            engine,
            limits,
            task: tokio::spawn(path.run()),
        }
    }

    pub fn limit(&self, limits: Limits) {
        *self.limits.lock().expect("no test panicked in here") = limits;
    }

    /// An answer whose candidate is this relay instead of the engine.
    pub fn redirect(&self, answer: &str) -> String {
        let port = |address: SocketAddr| format!("127.0.0.1 {} typ", address.port());
        let redirected = answer.replace(&port(self.engine), &port(self.address));
        assert_ne!(redirected, answer, "the answer has the engine's candidate");
        redirected
    }
}

struct Path {
    near: UdpSocket,
    far: UdpSocket,
    limits: Arc<Mutex<Limits>>,
    /// Datagrams on their way to the client, and when each is through.
    queue: VecDeque<(Instant, Vec<u8>)>,
    free_at: Instant,
    dice: StdRng,
}

impl Path {
    async fn run(mut self) {
        let (mut up, mut down) = (vec![0; 2048], vec![0; 2048]);
        let mut client = None;
        loop {
            let due = self.queue.front().map(|(at, _)| *at);
            let through = async {
                match due {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                received = self.near.recv_from(&mut up) => {
                    let Ok((length, from)) = received else { continue };
                    client = Some(from);
                    if self.loses(&up[..length], |l| l.loss_up) || self.keeps(&up[..length]) {
                        continue;
                    }
                    let _ = self.far.send(&up[..length]).await;
                }
                received = self.far.recv(&mut down) => {
                    let Ok(length) = received else { continue };
                    self.admit(&down[..length]);
                    self.deliver(client).await;
                }
                () = through => self.deliver(client).await,
            }
        }
    }

    fn admit(&mut self, datagram: &[u8]) {
        let limits = *self.limits.lock().expect("no test panicked in here");
        let now = Instant::now();
        if self.loses(datagram, |l| l.loss) {
            return;
        }
        let begins = self.free_at.max(now);
        if begins - now > QUEUE {
            return;
        }
        let bits = datagram.len() as u64 * 8;
        self.free_at = match limits.rate {
            Some(rate) => begins + Duration::from_micros(bits * 1_000_000 / rate),
            None => now,
        };
        self.queue.push_back((self.free_at, datagram.to_vec()));
    }

    /// RTP and RTCP alone (RFC 7983): what is tested is media, not ICE.
    fn loses(&mut self, datagram: &[u8], share: impl FnOnce(&Limits) -> f64) -> bool {
        let share = share(&self.limits.lock().expect("no test panicked in here"));
        let media = matches!(datagram, [128..192, ..]);
        media && share > 0.0 && self.dice.random_bool(share)
    }

    /// STUN with USE-CANDIDATE, an attribute without a value (RFC 8445 16.1).
    fn keeps(&self, datagram: &[u8]) -> bool {
        let undecided = self
            .limits
            .lock()
            .expect("no test panicked in here")
            .undecided;
        let stun = matches!(datagram, [0..2, ..]);
        undecided && stun && datagram.chunks_exact(4).any(|word| word == [0, 0x25, 0, 0])
    }

    async fn deliver(&mut self, client: Option<SocketAddr>) {
        let now = Instant::now();
        while self.queue.front().is_some_and(|(at, _)| *at <= now) {
            let datagram = self.queue.pop_front().map(|(_, d)| d);
            if let (Some(client), Some(datagram)) = (client, datagram) {
                let _ = self.near.send_to(&datagram, client).await;
            }
        }
    }
}
