//! A receiver: what it shows, and the feedback that it writes.

use std::collections::BTreeMap;

use super::{Micros, MS};

/// A packet of a picture: the run of its layer, its frame in that run, and whether the frame is the
/// run's first, which is a key frame.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Piece {
    pub run: u32,
    pub frame: u32,
    pub of: usize,
    pub tries: u8,
}

#[derive(Debug, Default)]
pub(in super::super) struct Receiver {
    pub arrivals: BTreeMap<u64, Micros>,
    pub told: u64,
    pub feedback_at: Micros,
    pub reports: u8,
    pub run: u32,
    pub next: u32,
    pub frames: BTreeMap<u32, usize>,
    pub shown: Vec<Micros>,
}

impl Receiver {
    pub fn piece(&mut self, piece: Piece, now: Micros) {
        if piece.run < self.run {
            return;
        }
        if piece.run > self.run {
            (self.run, self.next) = (piece.run, 0);
            self.frames.clear();
        }
        *self.frames.entry(piece.frame).or_insert(piece.of) -= 1;
        while self.frames.get(&self.next) == Some(&0) {
            self.frames.remove(&self.next);
            self.next += 1;
            self.shown.push(now);
        }
    }

    pub fn report(&mut self, every: Micros, now: Micros) -> Option<Vec<u8>> {
        if now < self.feedback_at {
            return None;
        }
        self.feedback_at = now + every;
        let last = *self.arrivals.keys().next_back()?;
        // A receive delta has 16 bits.
        let arrivals: Vec<_> = (self.told.max(last.saturating_sub(2_000))..=last)
            .map(|seq| self.arrivals.get(&seq).copied())
            .collect();
        let first = last + 1 - arrivals.len() as u64;
        self.told = last + 1;
        self.arrivals.clear();
        self.reports = self.reports.wrapping_add(1);
        Some(report(first as u16, &arrivals, self.reports))
    }
}

/// Write a feedback packet, behind its SSRCs.
pub(in super::super) fn report(base: u16, arrivals: &[Option<Micros>], number: u8) -> Vec<u8> {
    let mut clock = None;
    let mut symbols = Vec::new();
    let mut deltas = Vec::new();
    let first = arrivals.iter().flatten().next().copied().unwrap_or(0);
    let reference = first.div_euclid(64 * MS);
    for arrival in arrivals {
        let Some(arrival) = arrival else {
            symbols.push(0u16);
            continue;
        };
        let units = arrival.div_euclid(250);
        let delta = units - clock.unwrap_or(reference * 256);
        clock = Some(units);
        match u8::try_from(delta) {
            Ok(small) => {
                symbols.push(1);
                deltas.push(small);
            }
            Err(_) => {
                symbols.push(2);
                deltas.extend((delta.clamp(-32_768, 32_767) as i16).to_be_bytes());
            }
        }
    }
    let mut out = base.to_be_bytes().to_vec();
    out.extend((arrivals.len() as u16).to_be_bytes());
    out.extend(&(reference as u32).to_be_bytes()[1..]);
    out.push(number);
    let mut rest = symbols.as_slice();
    while let Some(first) = rest.first() {
        let run = rest.iter().take_while(|s| *s == first).count().min(0x1fff);
        let (chunk, taken) = if run >= 7 || run == rest.len() {
            (first << 13 | run as u16, run)
        } else if rest.iter().take(14).all(|s| *s < 2) {
            let bits = rest.iter().take(14).enumerate();
            (bits.fold(2 << 14, |c, (n, s)| c | s << (13 - n)), 14)
        } else {
            let bits = rest.iter().take(7).enumerate();
            (bits.fold(3 << 14, |c, (n, s)| c | s << (12 - 2 * n)), 7)
        };
        out.extend(chunk.to_be_bytes());
        rest = &rest[taken.min(rest.len())..];
    }
    out.extend(deltas);
    out
}
