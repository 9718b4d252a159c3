//! serde from JavaScript values: what the derived types of `protocol/` need, no more.

use super::{field, Misfit};
use js_sys::{Array, Object};
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};
use wasm_bindgen::{JsCast, JsValue};

/// Reads one value.
pub struct Reader(pub JsValue);

/// The largest integer that a JavaScript number holds exactly.
const LARGEST: f64 = 9_007_199_254_740_991.0;

impl Reader {
    fn integer<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0.as_f64() {
            Some(n) if n.fract() == 0.0 && (0.0..=LARGEST).contains(&n) => {
                visitor.visit_u64(n as u64)
            }
            _ => Err(Misfit),
        }
    }

    fn text<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_string(self.0.as_string().ok_or(Misfit)?)
    }

    fn fields<'de, V: Visitor<'de>>(
        self,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        if !self.0.is_object() {
            return Err(Misfit);
        }
        visitor.visit_seq(Fields {
            object: self.0,
            names: names.iter(),
        })
    }
}

macro_rules! as_ {
    ($read:ident: $($method:ident)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
            self.$read(visitor)
        }
    )+};
}

macro_rules! refused {
    ($($method:ident($($argument:ty),*))+) => {$(
        fn $method<V: Visitor<'de>>(self, $(_: $argument,)* _: V) -> Result<V::Value, Misfit> {
            Err(Misfit)
        }
    )+};
}

impl<'de> de::Deserializer<'de> for Reader {
    type Error = Misfit;

    as_!(integer: deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64);
    as_!(integer: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64);
    as_!(text: deserialize_str deserialize_string deserialize_identifier);
    refused!(deserialize_any() deserialize_char() deserialize_bytes() deserialize_byte_buf() deserialize_unit());
    refused!(deserialize_unit_struct(&'static str) deserialize_tuple(usize));
    refused!(deserialize_tuple_struct(&'static str, usize));

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_bool(self.0.as_bool().ok_or(Misfit)?)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_f64(self.0.as_f64().ok_or(Misfit)?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.0.is_null() || self.0.is_undefined() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let array = self.0.dyn_into::<Array>().map_err(|_| Misfit)?;
        visitor.visit_seq(Items { array, at: 0 })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let object = self.0.dyn_into::<Object>().map_err(|_| Misfit)?;
        visitor.visit_map(Entries {
            entries: Object::entries(&object),
            at: 0,
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.fields(names, visitor)
    }

    /// As serde_json has it: a text, or an object with one field.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        if let Some(name) = self.0.as_string() {
            return visitor.visit_enum(Variant {
                name,
                content: Reader(JsValue::UNDEFINED),
            });
        }
        let object = self.0.dyn_into::<Object>().map_err(|_| Misfit)?;
        let entries = Object::entries(&object);
        if entries.length() != 1 {
            return Err(Misfit);
        }
        let (name, value) = entry(&entries, 0)?;
        visitor.visit_enum(Variant {
            name,
            content: Reader(value),
        })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_unit()
    }
}

fn entry(entries: &Array, at: u32) -> Result<(String, JsValue), Misfit> {
    let entry: Array = entries.get(at).dyn_into().map_err(|_| Misfit)?;
    Ok((entry.get(0).as_string().ok_or(Misfit)?, entry.get(1)))
}

/// The fields of a derived struct, in the order of their declaration. One that is missing is `None`,
/// which is an error or the field's default.
struct Fields {
    object: JsValue,
    names: std::slice::Iter<'static, &'static str>,
}

impl<'de> de::SeqAccess<'de> for Fields {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Misfit> {
        let value = self
            .names
            .next()
            .map_or(JsValue::UNDEFINED, |name| field(&self.object, name));
        if value.is_undefined() {
            return Ok(None);
        }
        seed.deserialize(Reader(value)).map(Some)
    }
}

struct Items {
    array: Array,
    at: u32,
}

impl<'de> de::SeqAccess<'de> for Items {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Misfit> {
        if self.at >= self.array.length() {
            return Ok(None);
        }
        self.at += 1;
        seed.deserialize(Reader(self.array.get(self.at - 1)))
            .map(Some)
    }
}

struct Entries {
    entries: Array,
    at: u32,
}

impl<'de> de::MapAccess<'de> for Entries {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Misfit> {
        if self.at >= self.entries.length() {
            return Ok(None);
        }
        let (name, _) = entry(&self.entries, self.at)?;
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Misfit> {
        let (_, value) = entry(&self.entries, self.at)?;
        self.at += 1;
        seed.deserialize(Reader(value))
    }
}

struct Variant {
    name: String,
    content: Reader,
}

impl<'de> de::EnumAccess<'de> for Variant {
    type Error = Misfit;
    type Variant = Reader;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Reader), Misfit> {
        Ok((
            seed.deserialize(self.name.into_deserializer())?,
            self.content,
        ))
    }
}

impl<'de> de::VariantAccess<'de> for Reader {
    type Error = Misfit;

    fn unit_variant(self) -> Result<(), Misfit> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Misfit> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Misfit> {
        Err(Misfit)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.fields(names, visitor)
    }
}
