//! The media port: its sockets, the threads that run the workers on them, and the addresses that
//! clients are told. What arrives and leaves is the workers' business (`engine::packets`), which
//! know nothing of sockets.

mod batch;
mod frames;
#[cfg(target_os = "linux")]
mod mmsg;
mod seat;
mod single;
mod tcp;
mod udp;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

pub(super) use seat::Seat;
pub(super) use tcp::{listen, serve as serve_tcp, Connections};

/// What a media socket may hold back: what comes at 300 Mbit/s while its worker is busy for 100 ms,
/// and as much on the way out, where a key frame for a full room leaves in one burst.
const SOCKET_BUFFER: usize = 4 * 1024 * 1024;

/// One socket per worker on one port: the kernel spreads the clients over them.
pub(super) fn sockets(bind: SocketAddr, count: usize) -> std::io::Result<Vec<std::net::UdpSocket>> {
    let mut sockets: Vec<std::net::UdpSocket> = Vec::new();
    let mut address = bind;
    for _ in 0..count {
        let domain = socket2::Domain::for_address(bind);
        let socket = socket2::Socket::new(domain, socket2::Type::DGRAM, None)?;
        if bind.is_ipv6() {
            // `[::]` is for both families.
            socket.set_only_v6(false)?;
        }
        socket.set_reuse_port(true)?;
        // As much as the system allows; less only means more loss under load.
        let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
        let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
        socket.bind(&address.into())?;
        if sockets.is_empty() {
            report_buffers(&socket);
        }
        let socket = std::net::UdpSocket::from(socket);
        address = socket.local_addr()?;
        sockets.push(socket);
    }
    Ok(sockets)
}

/// Linux gives no more than `net.core.rmem_max` and `wmem_max` (and tells twice what it gives).
fn report_buffers(socket: &socket2::Socket) {
    let (Ok(receive), Ok(send)) = (socket.recv_buffer_size(), socket.send_buffer_size()) else {
        return;
    };
    if receive.min(send) < SOCKET_BUFFER {
        tracing::warn!(
            receive,
            send,
            wanted = SOCKET_BUFFER,
            "the system limits the media sockets' buffers: media is lost in bursts; raise net.core.rmem_max and net.core.wmem_max"
        );
    }
}

/// The addresses that clients are told.
pub(super) fn candidates(bound: SocketAddr, advertised: &[IpAddr]) -> Vec<SocketAddr> {
    let with_port = |ip: IpAddr| SocketAddr::new(ip, bound.port());
    if !advertised.is_empty() {
        return advertised.iter().copied().map(with_port).collect();
    }
    if !bound.ip().is_unspecified() {
        return vec![bound];
    }
    // Addresses of the documentation ranges (RFC 5737, RFC 3849): anywhere beyond this network.
    let v4 = own_address(
        Ipv4Addr::UNSPECIFIED.into(),
        Ipv4Addr::new(192, 0, 2, 1).into(),
    );
    let v6 = bound.is_ipv6().then(|| {
        own_address(
            Ipv6Addr::UNSPECIFIED.into(),
            Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
        )
    });
    let own: Vec<IpAddr> = v6.flatten().into_iter().chain(v4).collect();
    match own.is_empty() {
        true => vec![with_port(Ipv4Addr::LOCALHOST.into())],
        false => own.into_iter().map(with_port).collect(),
    }
}

/// The address that the system would use to reach another one. Connecting a UDP socket sends
/// nothing.
fn own_address(unspecified: IpAddr, to: IpAddr) -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind((unspecified, 0)).ok()?;
    socket.connect((to, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// Whether an address is this machine's own, so that datagrams can be sent from it.
fn is_local(ip: IpAddr) -> bool {
    std::net::UdpSocket::bind((ip, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_told_every_advertised_address() {
        let bound = SocketAddr::from(([0, 0, 0, 0], 7882));
        let advertised: [IpAddr; 2] = [
            Ipv4Addr::new(203, 0, 113, 7).into(),
            Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7).into(),
        ];
        let told: Vec<String> = candidates(bound, &advertised)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(told, ["203.0.113.7:7882", "[2001:db8::7]:7882"]);
    }

    #[test]
    fn a_bound_address_is_told_as_it_is() {
        let bound = SocketAddr::from(([127, 0, 0, 1], 7882));
        assert_eq!(candidates(bound, &[]), [bound]);
    }

    #[test]
    fn nobody_is_told_an_unspecified_address() {
        for bound in ["0.0.0.0:7882", "[::]:7882"] {
            let bound: SocketAddr = bound.parse().expect("an address");
            let told = candidates(bound, &[]);
            assert!(!told.is_empty());
            assert!(told
                .iter()
                .all(|c| !c.ip().is_unspecified() && c.port() == 7882));
        }
    }
}
