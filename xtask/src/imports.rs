//! Short names for what the wasm imports, and for what it exports to nobody but the glue.
//!
//! wasm-bindgen names each import after its function and a hash of 16 digits, once in the module and
//! once in the glue, and the callers of closures after all types in them. Random digits do not compress:
//! short names save about 4 KB of the gzipped package.

use std::collections::HashSet;

use crate::failure::{fail, Context, Result};

/// The module that the glue gives under this name holds every import.
const MODULE: &str = "./plenary_bg.js";
const SHORT_MODULE: &str = "_";
pub const HEADER: usize = 8;
pub const IMPORTS: u8 = 2;
pub const FUNCTION: u8 = 0;
const EXPORTS: u8 = 7;
/// How the names begin of exports that only the glue uses.
const PRIVATE: [&str; 2] = ["wasm_bindgen_", "__"];

/// The wasm and the glue with short names, which mean the same on both sides.
pub fn shorten(wasm: &[u8], glue: &str) -> Result<(Vec<u8>, String)> {
    let mut out = wasm
        .get(..HEADER)
        .context("The module has no header.")?
        .to_vec();
    let mut glue = glue.replace(&format!("\"{MODULE}\":"), &format!("{SHORT_MODULE}:"));
    let mut reader = Reader(&wasm[HEADER..]);
    while !reader.0.is_empty() {
        let id = reader.byte()?;
        let size = reader.number()?;
        let body = reader.take(size)?;
        if id == IMPORTS || id == EXPORTS {
            let section = match id {
                IMPORTS => rename(body, &mut glue)?,
                _ => rename_exports(body, &mut glue)?,
            };
            out.push(id);
            number(&mut out, section.len());
            out.extend(section);
        } else {
            out.push(id);
            number(&mut out, size);
            out.extend(body);
        }
    }
    Ok((out, glue))
}

fn rename(section: &[u8], glue: &mut String) -> Result<Vec<u8>> {
    let mut reader = Reader(section);
    let count = reader.number()?;
    let mut out = Vec::with_capacity(section.len());
    number(&mut out, count);
    let mut seen = HashSet::new();
    for index in 0..count {
        let (module, field) = (reader.text()?, reader.text()?);
        let kind = reader.byte()?;
        let type_index = reader.number()?;
        if module != MODULE || kind != FUNCTION || !seen.insert(field) {
            return fail(format!("The import `{module}` `{field}` is none that wasm-bindgen makes; see xtask/src/imports.rs."));
        }
        let short = short_name(index);
        let (old, new) = (format!(" {field}: "), format!(" {short}: "));
        if glue.matches(&old).count() != 1 {
            return fail(format!(
                "The glue does not define `{field}` once; see xtask/src/imports.rs."
            ));
        }
        *glue = glue.replace(&old, &new);
        text(&mut out, SHORT_MODULE);
        text(&mut out, &short);
        out.push(kind);
        number(&mut out, type_index);
    }
    Ok(out)
}

fn rename_exports(section: &[u8], glue: &mut String) -> Result<Vec<u8>> {
    let mut reader = Reader(section);
    let count = reader.number()?;
    let mut out = Vec::with_capacity(section.len());
    number(&mut out, count);
    for index in 0..count {
        let name = reader.text()?;
        let kind = reader.byte()?;
        let item = reader.number()?;
        let (private, short) = (
            PRIVATE.iter().any(|begin| name.starts_with(begin)),
            short_name(index),
        );
        if private && replace_name(glue, name, &short) {
            text(&mut out, &short);
        } else {
            text(&mut out, name);
        }
        out.push(kind);
        number(&mut out, item);
    }
    Ok(out)
}

/// Wherever the glue names this export, and not one that only begins with its name.
fn replace_name(glue: &mut String, name: &str, short: &str) -> bool {
    let used = format!("wasm.{name}");
    let mut parts = glue.split(&used);
    let mut out = parts.next().unwrap_or_default().to_owned();
    let mut found = false;
    for part in parts {
        let longer = part.starts_with(|next: char| next.is_alphanumeric() || next == '_');
        found |= !longer;
        out += "wasm.";
        out += if longer { name } else { short };
        out += part;
    }
    *glue = out;
    found
}

/// `a` to `z`, then `aa` and so on; with a `$`, so that no key of the glue can be meant.
fn short_name(mut index: usize) -> String {
    let mut name = String::from("$");
    loop {
        name.push(char::from(b'a' + (index % 26) as u8));
        index /= 26;
        if index == 0 {
            return name;
        }
    }
}

pub fn text(out: &mut Vec<u8>, text: &str) {
    number(out, text.len());
    out.extend(text.as_bytes());
}

/// Unsigned LEB128, as every count and length of a module.
pub fn number(out: &mut Vec<u8>, mut value: usize) {
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

/// Reads a module from its start.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn take(&mut self, size: usize) -> Result<&'a [u8]> {
        let (head, rest) = self
            .0
            .split_at_checked(size)
            .context("The module ends too soon.")?;
        self.0 = rest;
        Ok(head)
    }

    pub fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    pub fn number(&mut self) -> Result<usize> {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = self.byte()?;
            value |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
    }

    pub fn text(&mut self) -> Result<&'a str> {
        let size = self.number()?;
        std::str::from_utf8(self.take(size)?).context("An import's name is no text.")
    }
}

#[cfg(test)]
mod tests {
    use super::shorten;

    #[test]
    fn imports_get_the_same_short_name_on_both_sides() {
        let mut wasm = b"\0asm\x01\0\0\0".to_vec();
        let import = |out: &mut Vec<u8>, name: &str| {
            out.push(15);
            out.extend(b"./plenary_bg.js");
            out.push(name.len() as u8);
            out.extend(name.as_bytes());
            out.extend([0, 5]);
        };
        let mut section = vec![2];
        import(&mut section, "__wbg_push_1");
        import(&mut section, "__wbg_get_2");
        wasm.extend([2, section.len() as u8]);
        wasm.extend(section);
        wasm.extend([10, 1, 0]);
        let glue =
            "x = {\n  __wbg_get_2: f,\n  __wbg_push_1: g,\n};\ny = { \"./plenary_bg.js\": x };";
        let (wasm, glue) = shorten(&wasm, glue).expect("it is a module");
        assert_eq!(
            wasm,
            b"\0asm\x01\0\0\0\x02\x0f\x02\x01_\x02$a\0\x05\x01_\x02$b\0\x05\x0a\x01\0"
        );
        assert_eq!(glue, "x = {\n  $b: f,\n  $a: g,\n};\ny = { _: x };");
    }

    #[test]
    fn what_is_no_module_is_refused() {
        assert!(shorten(b"\0asm", "").is_err());
        assert!(shorten(b"\0asm\x01\0\0\0\x02\x05\x01", "").is_err());
    }
}
