//! What a key frame says of the frames behind it (template dependency structure, A.8.2): which kinds
//! of frames there are, and which of them whoever wants a layer needs.

use super::bits::Bits;
use crate::engine::packets::layers::{Layer, SPATIAL, TEMPORAL};

/// Template ids have six bits.
const MAX_TEMPLATES: usize = 64;

/// What a frame is to whoever wants a decode target (table A.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Indication {
    NotPresent,
    Discardable,
    /// One may begin with the target here.
    Switch,
    Required,
}

/// An indication for each decode target, two bits each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Indications(u64);

impl Indications {
    pub(super) fn read(bits: &mut Bits<'_>, targets: u8) -> Option<Self> {
        let mut all = 0;
        for target in 0..targets {
            all |= u64::from(bits.take(2)?) << (2 * target);
        }
        Some(Self(all))
    }

    pub fn of(self, target: u8) -> Indication {
        match self.0 >> (2 * u32::from(target)) & 3 {
            0 => Indication::NotPresent,
            1 => Indication::Discardable,
            2 => Indication::Switch,
            _ => Indication::Required,
        }
    }

    pub fn present(self, target: u8) -> bool {
        self.of(target) != Indication::NotPresent
    }
}

/// The frames that a frame refers to: bit n for the one n + 1 before it. What lies further back is left
/// out: no encoder for calls does so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct References(pub u64);

impl References {
    pub(super) fn add(&mut self, minus_one: u32) {
        self.0 |= 1u64.checked_shl(minus_one).unwrap_or(0);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Template {
    pub spatial: u8,
    pub temporal: u8,
    pub indications: Indications,
    pub references: References,
}

/// One decode target: what is decoded up to a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    /// Its place in the descriptor.
    pub number: u8,
    pub layer: Layer,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Structure {
    offset: u8,
    pub(super) count: u8,
    pub(super) chains: u8,
    templates: Vec<Template>,
    /// The best first.
    targets: Vec<Target>,
    /// Who wants an upper spatial layer needs the lower ones all the time, not in key pictures alone.
    pub stacked: bool,
}

impl Structure {
    pub(super) fn read(bits: &mut Bits<'_>) -> Option<Self> {
        let offset = bits.take(6)? as u8;
        let count = bits.take(5)? as u8 + 1;
        let mut templates = layers(bits)?;
        for template in &mut templates {
            template.indications = Indications::read(bits, count)?;
        }
        for template in &mut templates {
            while bits.flag()? {
                template.references.add(bits.take(4)?);
            }
        }
        let chains = chains(bits, count, templates.len())?;
        if bits.flag()? {
            let highest = templates.iter().map(|t| t.spatial).max()?;
            for _ in 0..=highest {
                bits.take(32)?;
            }
        }
        let targets = targets(&templates, count);
        Some(Self {
            offset,
            count,
            chains,
            stacked: stacked(&templates, &targets),
            templates,
            targets,
        })
    }

    pub(super) fn template(&self, id: u8) -> Option<&Template> {
        let at = (id + 64 - self.offset) % 64;
        self.templates.get(usize::from(at))
    }

    /// The decode targets, the best first.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// All decode targets, a bit each.
    pub fn all(&self) -> u32 {
        u32::MAX >> (32 - u32::from(self.count))
    }

    /// The decode targets that need no more than this layer, a bit each.
    pub fn up_to(&self, layer: Layer) -> u32 {
        let within = self.targets.iter().filter(|t| within(t.layer, layer));
        within.fold(0, |mask, t| mask | 1 << t.number)
    }
}

/// Both no higher.
pub(crate) fn within(layer: Layer, most: Layer) -> bool {
    layer.spatial <= most.spatial && layer.temporal <= most.temporal
}

fn layers(bits: &mut Bits<'_>) -> Option<Vec<Template>> {
    let (mut spatial, mut temporal) = (0, 0);
    let mut templates = Vec::new();
    loop {
        templates.push(Template {
            spatial,
            temporal,
            indications: Indications::default(),
            references: References::default(),
        });
        match bits.take(2)? {
            0 => {}
            1 => temporal += 1,
            2 => (spatial, temporal) = (spatial + 1, 0),
            _ => return Some(templates),
        }
        if templates.len() == MAX_TEMPLATES {
            return None;
        }
    }
}

/// How many chains there are. Where they lead is the receiver's business, who loses packets.
fn chains(bits: &mut Bits<'_>, targets: u8, templates: usize) -> Option<u8> {
    let chains = bits.one_of(u32::from(targets) + 1)?;
    if chains > 0 {
        for _ in 0..targets {
            bits.one_of(chains)?;
        }
        for _ in 0..templates {
            for _ in 0..chains {
                bits.take(4)?;
            }
        }
    }
    Some(chains as u8)
}

/// Each has the highest layers of the frames that it needs.
fn targets(templates: &[Template], count: u8) -> Vec<Target> {
    let layer_of = |number: u8| {
        let needed = templates.iter().filter(|t| t.indications.present(number));
        needed.fold((0, 0), |(s, t), template| {
            (template.spatial.max(s), template.temporal.max(t))
        })
    };
    let mut all: Vec<_> = (0..count).map(|n| (layer_of(n), n)).collect();
    all.sort_by_key(|(layer, number)| (std::cmp::Reverse(*layer), *number));
    let layer = |(s, t): (u8, u8)| Layer::new(s.min(SPATIAL as u8 - 1), t.min(TEMPORAL as u8 - 1));
    let target = |(l, number)| Target {
        number,
        layer: layer(l),
    };
    all.into_iter().map(target).collect()
}

/// Whether every frame of a spatial layer that goes on from others of it is needed by the layers above.
fn stacked(templates: &[Template], targets: &[Target]) -> bool {
    let Some(best) = targets.first() else {
        return true;
    };
    let lower = templates.iter().filter(|t| t.spatial < best.layer.spatial);
    lower
        .into_iter()
        .all(|t| t.indications.present(best.number))
}
