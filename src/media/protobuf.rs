//! Protobuf, as far as LiveKit's signalling needs it: reading skips what is not named, writing leaves
//! out what is empty. Compiled once for all messages (`dyn Fields`), where a generated reader per
//! message was a twentieth of the wasm.

/// The value of one field on the wire.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    Varint(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
    /// 64 bits, which no field of ours has.
    Skipped,
}

/// A message that is read: its fields by their numbers. `None`: the field is malformed.
///
/// Apart from [`WriteFields`], since most messages travel one way: the other half of a `dyn` trait
/// would be in the wasm all the same.
pub trait ReadFields {
    fn read(&mut self, number: u32, value: Value) -> Option<()>;
}

/// A message that is written.
pub trait WriteFields {
    fn write(&self, out: &mut Vec<u8>);
}

/// What the outermost messages can do.
pub trait Message: ReadFields + WriteFields + Default {
    /// Reads a message; `None` when it is malformed.
    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut message = Self::default();
        merge(&mut message, bytes)?;
        Some(message)
    }

    /// The message's bytes.
    fn encode_to_vec(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }
}

impl<T: ReadFields + WriteFields + Default> Message for T {}

/// Something that a field can hold.
pub trait Field {
    fn read(&mut self, value: Value) -> Option<()>;
    fn write(&self, number: u32, out: &mut Vec<u8>);
}

fn merge(message: &mut dyn ReadFields, mut bytes: &[u8]) -> Option<()> {
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let value = match key & 7 {
            0 => Value::Varint(varint(&mut bytes)?),
            1 => take(&mut bytes, 8).map(|_| Value::Skipped)?,
            2 => {
                let length = varint(&mut bytes)?;
                Value::Bytes(take(&mut bytes, usize::try_from(length).ok()?)?)
            }
            5 => Value::Fixed32(u32::from_le_bytes(take(&mut bytes, 4)?.try_into().ok()?)),
            _ => return None,
        };
        message.read(u32::try_from(key >> 3).ok()?, value)?;
    }
    Some(())
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_number(number: u32, value: u64, out: &mut Vec<u8>) {
    if value != 0 {
        put_varint(u64::from(number) << 3, out);
        put_varint(value, out);
    }
}

fn put_bytes(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    put_varint(u64::from(number) << 3 | 2, out);
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn put_message(number: u32, message: &dyn WriteFields, out: &mut Vec<u8>) {
    let mut inner = Vec::new();
    message.write(&mut inner);
    put_bytes(number, &inner, out);
}

impl Value<'_> {
    fn number(self) -> Option<u64> {
        if let Value::Varint(number) = self {
            Some(number)
        } else {
            None
        }
    }

    fn bytes(&self) -> Option<&[u8]> {
        if let Value::Bytes(bytes) = self {
            Some(bytes)
        } else {
            None
        }
    }

    fn text(&self) -> Option<String> {
        String::from_utf8(self.bytes()?.to_vec()).ok()
    }
}

macro_rules! numbers {
    ($($number:ty),+) => {$(
        impl Field for $number {
            fn read(&mut self, value: Value) -> Option<()> {
                // Negative numbers are 64 bits on the wire, whatever their type.
                *self = value.number()? as $number;
                Some(())
            }

            fn write(&self, number: u32, out: &mut Vec<u8>) {
                put_number(number, *self as i64 as u64, out);
            }
        }
    )+};
}

numbers!(i32, u32, i64);

impl Field for bool {
    fn read(&mut self, value: Value) -> Option<()> {
        *self = value.number()? != 0;
        Some(())
    }

    fn write(&self, number: u32, out: &mut Vec<u8>) {
        put_number(number, (*self).into(), out);
    }
}

impl Field for f32 {
    fn read(&mut self, value: Value) -> Option<()> {
        let Value::Fixed32(bits) = value else {
            return None;
        };
        *self = f32::from_bits(bits);
        Some(())
    }

    fn write(&self, number: u32, out: &mut Vec<u8>) {
        if *self != 0.0 {
            put_varint(u64::from(number) << 3 | 5, out);
            out.extend_from_slice(&self.to_le_bytes());
        }
    }
}

impl Field for String {
    fn read(&mut self, value: Value) -> Option<()> {
        *self = value.text()?;
        Some(())
    }

    fn write(&self, number: u32, out: &mut Vec<u8>) {
        if !self.is_empty() {
            put_bytes(number, self.as_bytes(), out);
        }
    }
}

impl Field for Vec<u8> {
    fn read(&mut self, value: Value) -> Option<()> {
        *self = value.bytes()?.to_vec();
        Some(())
    }

    fn write(&self, number: u32, out: &mut Vec<u8>) {
        if !self.is_empty() {
            put_bytes(number, self, out);
        }
    }
}

impl Field for Vec<String> {
    fn read(&mut self, value: Value) -> Option<()> {
        self.push(value.text()?);
        Some(())
    }

    fn write(&self, number: u32, out: &mut Vec<u8>) {
        for text in self {
            put_bytes(number, text.as_bytes(), out);
        }
    }
}

/// A message as it is: in a oneof it is written also when it is empty.
impl<T: ReadFields + WriteFields> Field for T {
    fn read(&mut self, value: Value) -> Option<()> {
        merge(self, value.bytes()?)
    }

    fn write(&self, number: u32, out: &mut Vec<u8>) {
        put_message(number, self, out);
    }
}

impl<T: ReadFields + WriteFields + Default> Field for Option<T> {
    fn read(&mut self, value: Value) -> Option<()> {
        merge(self.get_or_insert_default(), value.bytes()?)
    }

    fn write(&self, number: u32, out: &mut Vec<u8>) {
        if let Some(message) = self {
            put_message(number, message, out);
        }
    }
}

impl<T: ReadFields + WriteFields + Default> Field for Vec<T> {
    fn read(&mut self, value: Value) -> Option<()> {
        let mut message = T::default();
        merge(&mut message, value.bytes()?)?;
        self.push(message);
        Some(())
    }

    fn write(&self, number: u32, out: &mut Vec<u8>) {
        for message in self {
            put_message(number, message, out);
        }
    }
}

/// Declares a message with the numbers of its fields.
macro_rules! message {
    ($(#[$doc:meta])* $name:ident { $($number:literal $field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct $name {
            $(pub $field: $kind,)*
        }

        impl $crate::media::protobuf::ReadFields for $name {
            fn read(&mut self, number: u32, value: $crate::media::protobuf::Value) -> Option<()> {
                match number {
                    $($number => $crate::media::protobuf::Field::read(&mut self.$field, value),)*
                    _ => Some(()),
                }
            }
        }

        impl $crate::media::protobuf::WriteFields for $name {
            fn write(&self, out: &mut Vec<u8>) {
                let _ = &out;
                $($crate::media::protobuf::Field::write(&self.$field, $number, out);)*
            }
        }
    };
}

/// Declares a message that is one of several.
macro_rules! one_of {
    ($(#[$doc:meta])* $name:ident, $module:ident { $($number:literal $variant:ident($kind:ty),)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct $name {
            pub message: Option<$module::Message>,
        }

        $(#[$doc])*
        pub mod $module {
            use super::*;

            #[derive(Debug, Clone, PartialEq)]
            pub enum Message {
                $($variant($kind),)*
            }
        }

        impl $crate::media::protobuf::ReadFields for $name {
            fn read(&mut self, number: u32, value: $crate::media::protobuf::Value) -> Option<()> {
                match number {
                    $($number => {
                        let mut inner = <$kind>::default();
                        $crate::media::protobuf::Field::read(&mut inner, value)?;
                        self.message = Some($module::Message::$variant(inner));
                    })*
                    _ => {}
                }
                Some(())
            }
        }

        impl $crate::media::protobuf::WriteFields for $name {
            fn write(&self, out: &mut Vec<u8>) {
                match &self.message {
                    $(Some($module::Message::$variant(inner)) => {
                        $crate::media::protobuf::Field::write(inner, $number, out);
                    })*
                    None => {}
                }
            }
        }
    };
}

/// Declares an enumeration; the first variant stands for every number that is not named.
macro_rules! enumeration {
    ($(#[$doc:meta])* $name:ident { $first:ident = $zero:literal, $($variant:ident = $number:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub enum $name {
            #[default]
            $first = $zero,
            $($variant = $number,)*
        }

        impl $crate::media::protobuf::Field for $name {
            fn read(&mut self, value: $crate::media::protobuf::Value) -> Option<()> {
                let mut number = 0_i32;
                $crate::media::protobuf::Field::read(&mut number, value)?;
                *self = match number {
                    $($number => Self::$variant,)*
                    _ => Self::$first,
                };
                Some(())
            }

            fn write(&self, number: u32, out: &mut Vec<u8>) {
                $crate::media::protobuf::Field::write(&(*self as i32), number, out);
            }
        }
    };
}

pub(crate) use {enumeration, message, one_of};

#[cfg(test)]
mod tests {
    use super::*;

    message! {
        Sample {
            1 number: i32,
            2 text: String,
            3 inner: Option<Inner>,
            4 flag: bool,
        }
    }

    message! { Inner { 1 texts: Vec<String>, } }

    #[test]
    fn what_is_written_is_read() {
        let inner = Some(Inner {
            texts: vec!["a".into(), String::new()],
        });
        let sample = Sample {
            number: -1,
            text: "ü".into(),
            inner,
            flag: true,
        };
        assert_eq!(Sample::decode(&sample.encode_to_vec()), Some(sample));
        assert!(Sample::default().encode_to_vec().is_empty());
    }

    #[test]
    fn unknown_fields_of_every_kind_are_skipped() {
        // 9: varint, 64 bits, bytes, 32 bits; then flag.
        let bytes = [
            72, 1, 73, 0, 0, 0, 0, 0, 0, 0, 0, 74, 1, 9, 77, 0, 0, 0, 0, 32, 1,
        ];
        assert_eq!(
            Sample::decode(&bytes),
            Some(Sample {
                flag: true,
                ..Sample::default()
            })
        );
    }

    #[test]
    fn malformed_bytes_are_refused_and_never_trap() {
        let varint = [0xff; 11];
        let groups = [11, 12];
        let cut = [18, 5, b'a'];
        let no_text = [18, 2, 0xff, 0xff];
        let wrong_kind = [10, 1, 0];
        for bytes in [
            &varint[..],
            &groups,
            &cut,
            &no_text,
            &wrong_kind,
            &[8],
            &[18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
        ] {
            assert_eq!(Sample::decode(bytes), None, "{bytes:?}");
        }
    }
}
