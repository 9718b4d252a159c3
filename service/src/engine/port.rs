//! The one media port: its sockets, and the addresses that clients are told.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// What a media socket may hold back while its worker is busy: about 100 ms at 300 Mbit/s.
const SOCKET_BUFFER: usize = 4 * 1024 * 1024;

/// One socket per worker on one port: the kernel spreads the clients over them.
pub(super) fn sockets(bind: SocketAddr, count: usize) -> std::io::Result<Vec<std::net::UdpSocket>> {
    let mut sockets: Vec<std::net::UdpSocket> = Vec::new();
    let mut address = bind;
    for _ in 0..count {
        let domain = socket2::Domain::for_address(bind);
        let socket = socket2::Socket::new(domain, socket2::Type::DGRAM, None)?;
        socket.set_reuse_port(true)?;
        // As much as the system allows; less only means more loss under load.
        let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
        let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
        socket.bind(&address.into())?;
        let socket = std::net::UdpSocket::from(socket);
        address = socket.local_addr()?;
        sockets.push(socket);
    }
    Ok(sockets)
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
    // Connecting a UDP socket sends nothing; it asks the system which address it would use.
    let own = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))
        .and_then(|s| s.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).map(|()| s))
        .and_then(|s| s.local_addr())
        .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |a| a.ip());
    vec![with_port(own)]
}
