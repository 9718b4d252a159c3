//! The media socket over real sockets of this machine.

use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
use std::time::Duration;

use str0m::net::Protocol;

use super::*;

/// A media socket as the engine has it, and the address that it is reached at over IPv4.
fn media(bind: SocketAddr, told: IpAddr) -> (MediaSocket, SocketAddr) {
    let socket = crate::engine::port::sockets(bind, 1)
        .expect("a port")
        .remove(0);
    socket.set_nonblocking(true).expect("a socket");
    let port = socket.local_addr().expect("a bound socket").port();
    let told = SocketAddr::new(told, port);
    let socket = mio::net::UdpSocket::from_std(socket);
    (MediaSocket::new(socket, &[told], false), told)
}

fn client(ip: IpAddr) -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind((ip, 0)).expect("a port");
    let address = socket.local_addr().expect("a bound socket");
    (socket, address)
}

fn datagram(from: SocketAddr, to: SocketAddr, size: usize, mark: u8) -> Transmit {
    Transmit {
        proto: Protocol::Udp,
        source: from,
        destination: to,
        contents: vec![mark; size].into(),
    }
}

/// As a receiver sees it there is no difference between one call and many.
fn arrives_in_order(mut media: MediaSocket, from: SocketAddr) -> Counters {
    let (ada, to_ada) = client(from.ip());
    let (bob, to_bob) = client(from.ip());
    let counters = Counters::default();
    let mut list = Vec::new();
    let sizes = [1100, 1100, 1100, 1101, 1101, 300, 1100, 40];
    for (mark, size) in (0..).zip(sizes) {
        list.push(datagram(from, to_ada, size, mark));
        list.push(datagram(from, to_bob, size, mark + 100));
    }
    assert_eq!(
        media.send(&mut list, &mut Buffers::default(), &counters),
        Flushed::All
    );
    assert!(list.is_empty());
    for (client, first) in [(ada, 0), (bob, 100)] {
        for (mark, size) in (first..).zip(sizes) {
            let mut buffer = [0; 2000];
            let (length, sender) = client.recv_from(&mut buffer).expect("a datagram");
            assert_eq!((length, buffer[0], sender), (size, mark, from));
        }
    }
    let sent = counters
        .packets_out
        .load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(sent, 2 * sizes.len() as u64);
    counters
}

#[test]
fn what_is_sent_together_arrives_apart_and_in_order() {
    let local = IpAddr::from(Ipv4Addr::LOCALHOST);
    let (media, from) = media(SocketAddr::new(local, 0), local);
    let counters = arrives_in_order(media, from);
    let calls = counters.writes.load(std::sync::atomic::Ordering::Relaxed);
    if cfg!(target_os = "linux") {
        assert_eq!(calls, 1);
    }
}

#[test]
fn the_same_one_by_one() {
    let local = IpAddr::from(Ipv4Addr::LOCALHOST);
    let (mut media, from) = media(SocketAddr::new(local, 0), local);
    media.way = Way::Single;
    let counters = arrives_in_order(media, from);
    let calls = counters.writes.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(calls, 16);
}

/// A socket that is bound to all addresses answers from the one that clients were told, though
/// the system's own choice would be another.
#[cfg(target_os = "linux")]
#[test]
fn an_answer_comes_from_the_address_that_was_told() {
    // All of 127.0.0.0/8 is this machine.
    let second = IpAddr::from([127, 0, 0, 2]);
    let all = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
    let (media, from) = media(all, second);
    arrives_in_order_from_anywhere(media, from);
    let all = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0);
    let (media, from) = self::media(all, second);
    arrives_in_order_from_anywhere(media, from);
}

#[cfg(target_os = "linux")]
fn arrives_in_order_from_anywhere(mut media: MediaSocket, from: SocketAddr) {
    let (client, to) = client(Ipv4Addr::LOCALHOST.into());
    let counters = Counters::default();
    let mut list = vec![datagram(from, to, 9, 1), datagram(from, to, 9, 2)];
    assert_eq!(
        media.send(&mut list, &mut Buffers::default(), &counters),
        Flushed::All
    );
    for mark in [1, 2] {
        let mut buffer = [0; 20];
        let (length, sender) = client.recv_from(&mut buffer).expect("a datagram");
        assert_eq!((length, buffer[0], sender), (9, mark, from));
    }
    // And the way back: the datagram says where it was sent to.
    client.send_to(&[7; 30], from).expect("to send on loopback");
    let mut inbox = Inbox::new();
    while inbox.arrived.is_empty() {
        media.receive(&mut inbox, &counters);
    }
    let arrived = inbox.arrived[0];
    assert_eq!(arrived.from, to);
    assert_eq!(arrived.to, Some(from.ip()));
    assert_eq!(inbox.bytes(&arrived), [7; 30]);
}

/// One call reads what is there, up to a batch, and says whether to ask again.
#[cfg(target_os = "linux")]
#[test]
fn a_call_reads_many_and_drops_what_is_too_large() {
    let local = IpAddr::from(Ipv4Addr::LOCALHOST);
    let (mut media, to) = media(SocketAddr::new(local, 0), local);
    let (client, _) = client(local);
    let send = |size| {
        client
            .send_to(&vec![5; size], to)
            .expect("to send on loopback")
    };
    for n in 1..=READ_BATCH + 3 {
        send(n);
    }
    send(MAX_DATAGRAM + 1);
    let counters = Counters::default();
    let mut inbox = Inbox::new();
    assert!(media.receive(&mut inbox, &counters));
    let lengths = inbox.arrived.iter().map(|a| a.length);
    assert!(lengths.eq(1..=READ_BATCH));
    assert!(!media.receive(&mut inbox, &counters), "the rest");
    assert_eq!(inbox.arrived.len(), 3, "without the large one");
    assert!(!media.receive(&mut inbox, &counters), "nothing");
    assert!(inbox.arrived.is_empty());
    let calls = counters.reads.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(calls, 3);
}

/// What a datagram costs, by the way it is sent: for `docs/engine.md`. Processor time of this
/// thread, the ways in turn, so that what else the machine does matters little.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "a measurement"]
#[allow(clippy::print_stdout)]
fn cost_of_sending() {
    const ROUNDS: usize = 300;
    let local = IpAddr::from(Ipv4Addr::LOCALHOST);
    let sinks: Vec<(UdpSocket, SocketAddr)> = (0..64).map(|_| client(local)).collect();
    sinks
        .iter()
        .for_each(|(s, _)| s.set_nonblocking(true).expect("a socket"));
    for (what, sinks, each) in [
        ("1 to each of 64", &sinks[..], 1),
        ("16 to each of 16", &sinks[..16], 16),
    ] {
        let mut ways = ["one a call", "batches", "batches and GSO"].map(|name| {
            let (mut media, from) = media(SocketAddr::new(local, 0), local);
            match &mut media.way {
                way if name == "one a call" => *way = Way::Single,
                Way::Batches { segments, .. } if name == "batches" => *segments = 1,
                _ => {}
            }
            (name, media, from, Counters::default(), Duration::ZERO)
        });
        for _ in 0..ROUNDS {
            for (_, media, from, counters, spent) in &mut ways {
                let to = (0..each).flat_map(|_| sinks.iter().map(|(_, to)| *to));
                let mut list = to.map(|to| datagram(*from, to, 1100, 0)).collect();
                let start = processor_time();
                media.send(&mut list, &mut Buffers::default(), counters);
                *spent += processor_time() - start;
                for (sink, _) in sinks {
                    while sink.recv_from(&mut [0; 2000]).is_ok() {}
                }
            }
        }
        for (name, _, _, counters, spent) in &ways {
            let sent = counters
                .packets_out
                .load(std::sync::atomic::Ordering::Relaxed) as f64;
            let cost = spent.as_secs_f64() * 1e6 / sent;
            println!("{what}, {name}: {cost:.2} µs a datagram of {sent}");
        }
    }
}

#[cfg(target_os = "linux")]
fn processor_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the clock is written to a `timespec`.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(result, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
