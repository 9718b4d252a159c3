//! Which datagrams go out together. Of those to one destination, runs of equal size become one
//! message that the kernel (or the network card) cuts up again: its way through the network stack,
//! which is most of the price of sending, is paid once. This is what GSO asks for: segments of one
//! size, the last may be smaller.

use std::net::{IpAddr, SocketAddr};

use str0m::net::Transmit;

/// The kernel's limit, 64 in versions before 6.9 (`UDP_MAX_SEGMENTS`).
pub(super) const MAX_SEGMENTS: usize = 64;
/// What fits into one message: a UDP datagram's largest payload over IPv4, before it is cut up.
const MAX_MESSAGE: usize = 65_507;

/// One or more datagrams, by their places in the list they were planned from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message {
    pub first: usize,
    last: usize,
    pub count: usize,
    /// The size of all segments but the last.
    pub segment: usize,
    bytes: usize,
}

/// The messages of one flush; its tables are used again.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub messages: Vec<Message>,
    /// For each datagram the next of its message.
    next: Vec<Option<usize>>,
    open: Open,
}

/// The message that a destination's next datagram may join.
///
/// Each destination has one place, which others may have, too: who takes it ends the message of who had
/// it, which costs a message more and nothing else. So there is nothing to be probed, to grow or to be
/// protected from chosen addresses, as in a map.
#[derive(Debug)]
struct Open(Box<[u32; PLACES]>);

/// Several times as many as there are destinations in a flush.
const PLACES: usize = 1 << PLACE_BITS;
const PLACE_BITS: u32 = 10;
/// No message: none of so many are planned.
const NONE: u32 = u32::MAX;

impl Default for Open {
    fn default() -> Self {
        Self(Box::new([NONE; PLACES]))
    }
}

impl Open {
    fn place(&mut self, destination: &SocketAddr) -> &mut u32 {
        let ip = match destination.ip() {
            IpAddr::V4(ip) => ip.to_bits(),
            // Behind one prefix the last bytes differ.
            IpAddr::V6(ip) => ip.to_bits() as u32,
        };
        // 2^32 by the golden ratio: neighbouring ports lie far apart.
        let mixed = (ip ^ u32::from(destination.port()) << 8).wrapping_mul(0x9e37_79b9);
        &mut self.0[(mixed >> (u32::BITS - PLACE_BITS)) as usize]
    }
}

impl Plan {
    /// `segments` is the most that a message may be cut into; 1 without GSO.
    pub fn make(&mut self, datagrams: &[Transmit], segments: usize) {
        self.messages.clear();
        self.open.0.fill(NONE);
        self.next.clear();
        self.next.resize(datagrams.len(), None);
        for (at, datagram) in datagrams.iter().enumerate() {
            let size = datagram.contents.len();
            if segments > 1 && self.join(datagrams, at, segments) {
                continue;
            }
            if segments > 1 {
                *self.open.place(&datagram.destination) = self.messages.len() as u32;
            }
            self.messages.push(Message {
                first: at,
                last: at,
                count: 1,
                segment: size,
                bytes: size,
            });
        }
    }

    fn join(&mut self, datagrams: &[Transmit], at: usize, segments: usize) -> bool {
        let datagram = &datagrams[at];
        let size = datagram.contents.len();
        let open = self.open.place(&datagram.destination);
        let Some(message) = self.messages.get_mut(*open as usize) else {
            return false;
        };
        let first = &datagrams[message.first];
        let fits = first.destination == datagram.destination
            && size <= message.segment
            && message.count < segments
            && message.bytes + size <= MAX_MESSAGE
            && first.source == datagram.source;
        if !fits {
            return false;
        }
        self.next[message.last] = Some(at);
        message.last = at;
        message.count += 1;
        message.bytes += size;
        if size < message.segment {
            // A smaller one ends the run.
            *open = NONE;
        }
        true
    }

    /// The places of a message's datagrams, in order.
    pub fn places(&self, message: &Message) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(message.first), |at| self.next[*at])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use str0m::net::Protocol;

    use super::*;

    fn datagrams(list: &[(u16, usize)]) -> Vec<Transmit> {
        let source = SocketAddr::from(([127, 0, 0, 1], 1));
        let datagram = |(port, size): &(u16, usize)| Transmit {
            proto: Protocol::Udp,
            source,
            destination: SocketAddr::from(([127, 0, 0, 1], *port)),
            contents: vec![0; *size].into(),
        };
        list.iter().map(datagram).collect()
    }

    fn planned(list: &[(u16, usize)], segments: usize) -> Vec<Vec<usize>> {
        let mut plan = Plan::default();
        plan.make(&datagrams(list), segments);
        let messages = plan.messages.iter();
        messages.map(|m| plan.places(m).collect()).collect()
    }

    #[test]
    fn equal_sizes_to_one_destination_go_together() {
        let list = [
            (7, 1000),
            (8, 1000),
            (7, 1000),
            (7, 300),
            (7, 300),
            (8, 1001),
        ];
        assert_eq!(
            planned(&list, MAX_SEGMENTS),
            vec![vec![0, 2, 3], vec![1], vec![4], vec![5]]
        );
        assert_eq!(planned(&list, 1).len(), list.len());
    }

    proptest! {
        /// Every datagram once, in the order of its destination, in messages that GSO takes.
        #[test]
        fn nothing_is_lost_and_nothing_overtakes(
            list in prop::collection::vec((1u16..5, 1usize..1400), 0..300),
            segments in 1usize..=MAX_SEGMENTS,
        ) {
            let plan = planned(&list, segments);
            let mut all: Vec<usize> = plan.iter().flatten().copied().collect();
            for port in 1..5 {
                let sent: Vec<usize> = all.iter().copied().filter(|i| list[*i].0 == port).collect();
                prop_assert!(sent.is_sorted());
            }
            all.sort_unstable();
            prop_assert_eq!(all, (0..list.len()).collect::<Vec<_>>());
            for message in &plan {
                let (port, segment) = list[message[0]];
                prop_assert!(message.len() <= segments);
                prop_assert!(message.iter().map(|i| list[*i].1).sum::<usize>() <= MAX_MESSAGE);
                let (last, others) = message.split_last().expect("no message is empty");
                prop_assert!(others.iter().all(|i| list[*i] == (port, segment)));
                prop_assert!(list[*last].0 == port && list[*last].1 <= segment);
            }
        }
    }
}
