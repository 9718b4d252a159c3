//! Many datagrams per system call (Linux): `recvmmsg`, `sendmmsg`, and GSO by control message.
//!
//! Written on `libc`: `quinn-udp` sends one message a call and wants a run's bytes in one piece;
//! `nix` and `rustix` have no control message of its own for each message. The arrays that the
//! kernel reads are filled anew for each call, so that no pointer outlives what it points to.

use std::io::{Error, Result};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd};

use libc::{c_int, c_void};
use socket2::SockAddr;
use str0m::net::Transmit;

use super::batch::Plan;
use super::udp::{Arrived, Inbox, Origins};

/// Room for `UDP_SEGMENT` and an `IP_PKTINFO` or `IPV6_PKTINFO`, aligned as their headers must be.
type Control = [u64; 12];

/// Messages of one `sendmmsg`: the kernel takes no more (`UIO_MAXIOV`).
const MAX_MESSAGES: usize = 1024;

/// Arrays that are used again.
#[derive(Default)]
pub(super) struct Calls {
    headers: Vec<libc::mmsghdr>,
    vectors: Vec<libc::iovec>,
    names: Vec<SockAddr>,
    senders: Vec<libc::sockaddr_storage>,
    controls: Vec<Control>,
}

fn empty_header() -> libc::mmsghdr {
    // SAFETY: integers and pointers, for which zero is a value.
    unsafe { std::mem::zeroed() }
}

fn no_address() -> libc::sockaddr_storage {
    // SAFETY: integers, for which zero is a value.
    unsafe { std::mem::zeroed() }
}

impl Calls {
    /// Fill the inbox with what is there; `WouldBlock` if that is nothing.
    pub fn receive(&mut self, socket: BorrowedFd<'_>, inbox: &mut Inbox) -> Result<usize> {
        inbox.arrived.clear();
        let count = inbox.buffers.len();
        self.headers.clear();
        self.headers.resize_with(count, empty_header);
        self.vectors.clear();
        self.senders.resize_with(count, no_address);
        self.controls.resize(count, Control::default());
        self.vectors
            .extend(inbox.buffers.iter_mut().map(|b| libc::iovec {
                iov_base: b.as_mut_ptr().cast(),
                iov_len: b.len(),
            }));
        for (i, header) in self.headers.iter_mut().enumerate() {
            let header = &mut header.msg_hdr;
            header.msg_name = (&raw mut self.senders[i]).cast();
            header.msg_namelen = std::mem::size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_iov = &raw mut self.vectors[i];
            header.msg_iovlen = 1;
            header.msg_control = self.controls[i].as_mut_ptr().cast();
            header.msg_controllen = std::mem::size_of::<Control>();
        }
        // SAFETY: as many headers as `count` says, whose pointers lead to buffers of the lengths
        // beside them, all alive and used by nobody else until the call returns.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                count as libc::c_uint,
                libc::MSG_DONTWAIT as _,
                std::ptr::null_mut(),
            )
        };
        let received = usize::try_from(received).map_err(|_| Error::last_os_error())?;
        for place in 0..received {
            inbox.arrived.extend(self.arrived(place));
        }
        Ok(received)
    }

    /// `None` for what no client of ours sends: cut off, or without a sender.
    fn arrived(&self, place: usize) -> Option<Arrived> {
        let header = &self.headers[place];
        if header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0 {
            return None;
        }
        Some(Arrived {
            from: socket_address(&self.senders[place])?,
            to: local_address(&header.msg_hdr),
            place,
            length: header.msg_len as usize,
        })
    }

    /// Send the planned messages from `first` on; how many of them the kernel took, at least one,
    /// or why it did not take the first.
    pub fn send(
        &mut self,
        socket: BorrowedFd<'_>,
        datagrams: &[Transmit],
        plan: &Plan,
        first: usize,
        origins: &Origins,
    ) -> Result<usize> {
        let end = plan.messages.len().min(first + MAX_MESSAGES);
        let messages = &plan.messages[first..end];
        self.vectors.clear();
        self.names.clear();
        for message in messages {
            let to = origins.destination(datagrams[message.first].destination);
            self.names.push(to.into());
            self.vectors.extend(plan.places(message).map(|at| {
                let bytes: &[u8] = &datagrams[at].contents;
                libc::iovec {
                    iov_base: bytes.as_ptr().cast_mut().cast(),
                    iov_len: bytes.len(),
                }
            }));
        }
        self.headers.clear();
        self.headers.resize_with(messages.len(), empty_header);
        self.controls
            .resize(self.controls.len().max(messages.len()), Control::default());
        let mut vector = 0;
        for (i, message) in messages.iter().enumerate() {
            let header = &mut self.headers[i].msg_hdr;
            header.msg_name = self.names[i].as_ptr().cast_mut().cast();
            header.msg_namelen = self.names[i].len();
            header.msg_iov = &raw mut self.vectors[vector];
            header.msg_iovlen = message.count;
            vector += message.count;
            let segment = (message.count > 1).then_some(message.segment as u16);
            let source = origins.pinned(datagrams[message.first].source);
            set_controls(header, &mut self.controls[i], segment, source, origins.v6);
        }
        // SAFETY: as many headers as given, whose pointers lead to addresses, vectors, control
        // messages and (through the vectors) datagrams that live until the call returns; the
        // kernel only reads them.
        let sent = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                self.headers.len() as libc::c_uint,
                libc::MSG_DONTWAIT as _,
            )
        };
        usize::try_from(sent).map_err(|_| Error::last_os_error())
    }
}

fn socket_address(storage: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match c_int::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: an address of this family is a `sockaddr_in`, and the storage holds any.
            let v4 = unsafe { &*(&raw const *storage).cast::<libc::sockaddr_in>() };
            let ip = IpAddr::from(v4.sin_addr.s_addr.to_ne_bytes());
            Some(SocketAddr::new(ip, u16::from_be(v4.sin_port)))
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let v6 = unsafe { &*(&raw const *storage).cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            let port = u16::from_be(v6.sin6_port);
            // The scope belongs to link-local addresses; the flow label to the packet alone.
            Some(SocketAddrV6::new(ip, port, 0, v6.sin6_scope_id).into())
        }
        _ => None,
    }
}

/// Point the header to the control messages that it needs.
fn set_controls(
    header: &mut libc::msghdr,
    control: &mut Control,
    segment: Option<u16>,
    source: Option<IpAddr>,
    v6: bool,
) {
    *control = Control::default();
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = std::mem::size_of::<Control>();
    // SAFETY: the buffer is large enough for both messages and aligned for their headers, see
    // `Control`.
    let used = unsafe {
        let mut next = libc::CMSG_FIRSTHDR(header);
        let mut used = 0;
        if let Some(segment) = segment {
            used += put(next, libc::SOL_UDP, libc::UDP_SEGMENT, segment);
            next = libc::CMSG_NXTHDR(header, next);
        }
        match source {
            Some(IpAddr::V4(ip)) if !v6 => {
                let mut info: libc::in_pktinfo = std::mem::zeroed();
                info.ipi_spec_dst.s_addr = u32::from_ne_bytes(ip.octets());
                used += put(next, libc::IPPROTO_IP, libc::IP_PKTINFO, info);
            }
            Some(ip) => {
                let ip = match ip {
                    IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                    IpAddr::V6(ip) => ip,
                };
                let mut info: libc::in6_pktinfo = std::mem::zeroed();
                info.ipi6_addr.s6_addr = ip.octets();
                used += put(next, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info);
            }
            None => {}
        }
        used
    };
    header.msg_controllen = used;
    if used == 0 {
        header.msg_control = std::ptr::null_mut();
    }
}

/// Write a control message; the bytes that it takes up.
///
/// # Safety
/// `at` leads to a header with room for the value behind it.
unsafe fn put<T>(at: *mut libc::cmsghdr, level: c_int, kind: c_int, value: T) -> usize {
    let size = std::mem::size_of::<T>() as libc::c_uint;
    // SAFETY: as the caller says; the value is written without asking for its alignment.
    unsafe {
        (*at).cmsg_level = level;
        (*at).cmsg_type = kind;
        (*at).cmsg_len = libc::CMSG_LEN(size) as _;
        libc::CMSG_DATA(at).cast::<T>().write_unaligned(value);
        libc::CMSG_SPACE(size) as usize
    }
}

/// The local address that a datagram was sent to.
fn local_address(header: &libc::msghdr) -> Option<IpAddr> {
    // SAFETY: the kernel wrote the control messages that the header describes.
    unsafe {
        let mut next = libc::CMSG_FIRSTHDR(header);
        while let Some(message) = next.as_ref() {
            match (message.cmsg_level, message.cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let info: libc::in_pktinfo = libc::CMSG_DATA(next)
                        .cast::<libc::in_pktinfo>()
                        .read_unaligned();
                    return Some(IpAddr::from(info.ipi_addr.s_addr.to_ne_bytes()));
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let info: libc::in6_pktinfo = libc::CMSG_DATA(next)
                        .cast::<libc::in6_pktinfo>()
                        .read_unaligned();
                    return Some(IpAddr::from(info.ipi6_addr.s6_addr).to_canonical());
                }
                _ => next = libc::CMSG_NXTHDR(header, next),
            }
        }
    }
    None
}

/// Ask for the local address of each datagram; needed where the socket is bound to all of them.
pub(super) fn ask_for_local_address(socket: BorrowedFd<'_>, v6: bool) -> Result<()> {
    match v6 {
        true => set(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1),
        false => set(socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1),
    }
}

/// Whether the kernel cuts messages up (4.18 and later).
pub(super) fn has_gso(socket: BorrowedFd<'_>) -> bool {
    let mut value: c_int = 0;
    let mut length = std::mem::size_of::<c_int>() as libc::socklen_t;
    // SAFETY: `value` has the room that `length` says.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_UDP,
            libc::UDP_SEGMENT,
            (&raw mut value).cast::<c_void>(),
            &raw mut length,
        )
    };
    result == 0
}

fn set(socket: BorrowedFd<'_>, level: c_int, name: c_int, value: c_int) -> Result<()> {
    // SAFETY: `value` is an integer of the length given.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast::<c_void>(),
            std::mem::size_of::<c_int>() as libc::socklen_t,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(Error::last_os_error()),
    }
}

/// The message cannot be cut up: its segments are too large for the way there, or see
/// [`is_without_gso`].
pub(super) fn refuses_gso(error: &Error) -> bool {
    let way = matches!(error.raw_os_error(), Some(libc::EINVAL | libc::EMSGSIZE));
    way || is_without_gso(error)
}

/// The network card computes no checksums, so nothing that leaves by it can be cut up.
pub(super) fn is_without_gso(error: &Error) -> bool {
    error.raw_os_error() == Some(libc::EIO)
}

/// The system has no such call (an emulated kernel).
pub(super) fn is_not_there(error: &Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EOPNOTSUPP))
}
