//! Less glue: what wasm-bindgen writes for browsers without reference types, for calls that we do not make,
//! and over and over where once would do. About half a kilobyte of the gzipped package.

use crate::failure::{fail, Result};

/// What is written, and what does the same here. Each must be found: wasm-bindgen's version is fixed, and a newer one
/// may write something else.
const SHORTER: &[(&str, &str)] = &[
    // A function of its own around each import that may throw.
    (
        "function() { return handleError(function (",
        "handleError(function (",
    ),
    ("}, arguments); },", "}),"),
    (
        "function handleError(f, args) {
    try {
        return f.apply(this, args);
    } catch (e) {
        const idx = addToExternrefTable0(e);
        wasm.__wbindgen_exn_store(idx);
    }
}",
        "const handleError = (f) => (...args) => {
    try {
        return f(...args);
    } catch (e) {
        wasm.__wbindgen_exn_store(addToExternrefTable0(e));
    }
};",
    ),
    // There is one way to allocate.
    (
        "    if (realloc === undefined) {
        const buf = cachedTextEncoder.encode(arg);
        const ptr = malloc(buf.length, 1) >>> 0;
        getUint8ArrayMemory0().subarray(ptr, ptr + buf.length).set(buf);
        WASM_VECTOR_LEN = buf.length;
        return ptr;
    }
",
        "",
    ),
    (
        "passStringToWasm0(arg, malloc, realloc)",
        "passStringToWasm0(arg)",
    ),
    (", wasm.__wbindgen_malloc, wasm.__wbindgen_realloc)", ")"),
    (" malloc(", " wasm.__wbindgen_malloc("),
    (" realloc(", " wasm.__wbindgen_realloc("),
    // Every browser with reference types (Chrome 96, Firefox 79, Safari 15) has these.
    (
        "if (!('encodeInto' in cachedTextEncoder)) {
    cachedTextEncoder.encodeInto = function (arg, view) {
        const buf = cachedTextEncoder.encode(arg);
        view.set(buf);
        return {
            read: arg.length,
            written: buf.length
        };
    };
}
",
        "",
    ),
    (
        "(typeof FinalizationRegistry === 'undefined')
    ? { register: () => {}, unregister: () => {} }
    : new FinalizationRegistry(",
        "new FinalizationRegistry(",
    ),
    // A memory that grew has another buffer.
    (
        "cachedDataViewMemory0 === null || cachedDataViewMemory0.buffer.detached === true || (cachedDataViewMemory0.buffer.detached === undefined && cachedDataViewMemory0.buffer !== wasm.memory.buffer)",
        "cachedDataViewMemory0?.buffer !== wasm.memory.buffer",
    ),
    // `wasm.ts` alone calls it, as it is meant to be called.
    (
        "        if (Object.getPrototypeOf(module_or_path) === Object.prototype) {
            ({module_or_path} = module_or_path)
        } else {
            console.warn('using deprecated parameters for the initialization function; pass a single object instead')
        }",
        "        ({module_or_path} = module_or_path)",
    ),
    (
        "\"`WebAssembly.instantiateStreaming` failed because your server does not serve Wasm with `application/wasm` MIME type. Falling back to `WebAssembly.instantiate` which is slower. Original error:\\n\"",
        "\"The wasm loads slowly: its server does not say that it is application/wasm.\"",
    ),
];

/// The glue with as much as it needs.
pub fn trim(glue: &str) -> Result<String> {
    let mut glue = glue.to_owned();
    for (written, shorter) in SHORTER {
        if !glue.contains(written) {
            return fail(format!(
                "The glue has no `{written}` any more; see xtask/src/glue.rs."
            ));
        }
        glue = glue.replace(written, shorter);
    }
    Ok(glue)
}
