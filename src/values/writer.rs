//! serde to JavaScript values: what the derived types of `protocol/` and `api/` need, no more.

use super::Misfit;
use js_sys::{Array, Object, Reflect};
use serde::ser::{self, Impossible, Serialize};
use wasm_bindgen::JsValue;

/// Writes one value.
#[derive(Clone, Copy)]
pub struct Writer;

macro_rules! numbers {
    ($($method:ident: $number:ty),+) => {$(
        fn $method(self, number: $number) -> Result<JsValue, Misfit> {
            // Beyond 2^53 a JavaScript number is no longer exact; no counter of ours gets there.
            Ok(JsValue::from_f64(number as f64))
        }
    )+};
}

impl ser::Serializer for Writer {
    type Ok = JsValue;
    type Error = Misfit;
    type SerializeSeq = Items;
    type SerializeTuple = Impossible<JsValue, Misfit>;
    type SerializeTupleStruct = Impossible<JsValue, Misfit>;
    type SerializeTupleVariant = Impossible<JsValue, Misfit>;
    type SerializeMap = Fields;
    type SerializeStruct = Fields;
    type SerializeStructVariant = Fields;

    numbers!(serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64);
    numbers!(serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64);
    numbers!(serialize_f32: f32, serialize_f64: f64);

    fn serialize_bool(self, value: bool) -> Result<JsValue, Misfit> {
        Ok(value.into())
    }

    fn serialize_char(self, _: char) -> Result<JsValue, Misfit> {
        Err(Misfit)
    }

    fn serialize_str(self, text: &str) -> Result<JsValue, Misfit> {
        Ok(JsValue::from_str(text))
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<JsValue, Misfit> {
        Err(Misfit)
    }

    fn serialize_none(self) -> Result<JsValue, Misfit> {
        Ok(JsValue::NULL)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<JsValue, Misfit> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<JsValue, Misfit> {
        Ok(JsValue::NULL)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<JsValue, Misfit> {
        Ok(JsValue::NULL)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<JsValue, Misfit> {
        Ok(JsValue::from_str(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<JsValue, Misfit> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<JsValue, Misfit> {
        wrap(variant, value.serialize(self)?)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items, Misfit> {
        Ok(Items(Array::new()))
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Misfit> {
        Err(Misfit)
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Misfit> {
        Err(Misfit)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Misfit> {
        Err(Misfit)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Fields, Misfit> {
        Ok(Fields::new(None))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields, Misfit> {
        Ok(Fields::new(None))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Fields, Misfit> {
        Ok(Fields::new(Some(variant)))
    }
}

/// An array that grows.
pub struct Items(Array);

impl ser::SerializeSeq for Items {
    type Ok = JsValue;
    type Error = Misfit;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Misfit> {
        self.0.push(&value.serialize(Writer)?);
        Ok(())
    }

    fn end(self) -> Result<JsValue, Misfit> {
        Ok(self.0.into())
    }
}

/// An object that grows.
pub struct Fields {
    object: Object,
    variant: Option<&'static str>,
    key: JsValue,
}

impl Fields {
    fn new(variant: Option<&'static str>) -> Self {
        Self {
            object: Object::new(),
            variant,
            key: JsValue::UNDEFINED,
        }
    }

    fn set(&self, key: &JsValue, value: &JsValue) -> Result<(), Misfit> {
        Reflect::set(&self.object, key, value)
            .map(drop)
            .map_err(|_| Misfit)
    }

    fn done(self) -> Result<JsValue, Misfit> {
        match self.variant {
            Some(variant) => wrap(variant, self.object.into()),
            None => Ok(self.object.into()),
        }
    }
}

impl ser::SerializeStruct for Fields {
    type Ok = JsValue;
    type Error = Misfit;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Misfit> {
        self.set(&JsValue::from_str(key), &value.serialize(Writer)?)
    }

    fn end(self) -> Result<JsValue, Misfit> {
        self.done()
    }
}

impl ser::SerializeStructVariant for Fields {
    type Ok = JsValue;
    type Error = Misfit;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Misfit> {
        self.set(&JsValue::from_str(key), &value.serialize(Writer)?)
    }

    fn end(self) -> Result<JsValue, Misfit> {
        self.done()
    }
}

impl ser::SerializeMap for Fields {
    type Ok = JsValue;
    type Error = Misfit;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Misfit> {
        self.key = key.serialize(Writer)?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Misfit> {
        self.set(&self.key, &value.serialize(Writer)?)
    }

    fn end(self) -> Result<JsValue, Misfit> {
        self.done()
    }
}

fn wrap(variant: &'static str, value: JsValue) -> Result<JsValue, Misfit> {
    let outer = Fields::new(None);
    outer.set(&JsValue::from_str(variant), &value)?;
    outer.done()
}
