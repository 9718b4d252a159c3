//! Holds every answer that a test gets to the OpenAPI document: the status is described, and the body is of
//! its schema. As much of JSON Schema as the document uses; another keyword is an error.

use super::Answer;
use plenary_service::http::openapi::DOCUMENT;
use serde_json::{Map, Value};
use std::sync::LazyLock;

static OPENAPI: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(DOCUMENT).unwrap());

/// Keywords that say nothing about a value's shape.
const NOTES: [&str; 9] = [
    "description",
    "default",
    "example",
    "format",
    "minimum",
    "maximum",
    "minItems",
    "minLength",
    "maxLength",
];

pub fn document() -> &'static Value {
    &OPENAPI
}

/// What `$ref` names.
pub fn resolved(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(path) => {
            let found = OPENAPI.pointer(path.trim_start_matches('#'));
            resolved(found.unwrap_or_else(|| panic!("{path} is not there")))
        }
        None => value,
    }
}

/// The operation that a request means.
fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let paths = OPENAPI["paths"].as_object().unwrap();
    let fixed = |template: &str| template.split('/').filter(|s| !s.starts_with('{')).count();
    let mut fitting: Vec<&String> = paths.keys().filter(|t| fits(t, path)).collect();
    // `/assign` rather than `/{room}`.
    fitting.sort_by_key(|template| std::cmp::Reverse(fixed(template)));
    paths[*fitting.first()?].get(method.to_ascii_lowercase())
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path) = (template.split('/'), path.split('/'));
    template.clone().count() == path.clone().count()
        && template
            .zip(path)
            .all(|(t, p)| t == p || (t.starts_with('{') && !p.is_empty() && !p.starts_with(':')))
}

/// Panics where an answer, or a body that was taken, is not as the document says.
pub fn holds(method: &str, target: &str, body: &str, answer: &Answer) {
    let path = target.split('?').next().unwrap_or_default();
    let Some(operation) = operation(method, path) else {
        return;
    };
    let asked = operation.pointer("/requestBody/content/application~1json/schema");
    let taken = answer.status.is_success() && !body.is_empty();
    if let Some(schema) = asked.filter(|_| taken) {
        let body = serde_json::from_str(body).unwrap();
        if let Err(wrong) = valid(schema, &body, "body") {
            panic!("{method} {path} took another body: {wrong}");
        }
    }
    let responses = &operation["responses"];
    let status = answer.status.as_u16().to_string();
    let response = match responses.get(&status) {
        Some(response) => resolved(response),
        None if answer.status.is_success() => panic!("{method} {path} answered {status}"),
        None => match responses.get("default") {
            Some(response) => resolved(response),
            None => panic!("{method} {path} answered {status}"),
        },
    };
    let Some(schema) = response.pointer("/content/application~1json/schema") else {
        return;
    };
    let body = serde_json::from_str(&answer.body)
        .unwrap_or_else(|_| panic!("{method} {path}: {status} without JSON: {}", answer.body));
    if let Err(wrong) = valid(schema, &body, "answer") {
        panic!("{method} {path}, {status}: {wrong}");
    }
}

/// Whether a value is of a schema; an error names the place.
pub fn valid(schema: &'static Value, value: &Value, at: &str) -> Result<(), String> {
    for (keyword, rule) in resolved(schema).as_object().unwrap() {
        match keyword.as_str() {
            "type" => is_a(rule, value, at)?,
            "enum" if !rule.as_array().unwrap().contains(value) => {
                return Err(format!("{at} is none of {rule}"));
            }
            "enum" => {}
            "required" => {
                for name in rule.as_array().unwrap() {
                    let name = name.as_str().unwrap();
                    value
                        .get(name)
                        .ok_or_else(|| format!("{at} has no {name}"))?;
                }
            }
            "properties" => {
                for (name, schema) in rule.as_object().unwrap() {
                    if let Some(value) = value.get(name) {
                        valid(schema, value, &format!("{at}.{name}"))?;
                    }
                }
            }
            "additionalProperties" => others(resolved(schema), rule, value, at)?,
            "items" => {
                for (n, item) in value.as_array().into_iter().flatten().enumerate() {
                    valid(rule, item, &format!("{at}[{n}]"))?;
                }
            }
            note => assert!(NOTES.contains(&note), "{note} is not checked here"),
        }
    }
    Ok(())
}

fn is_a(rule: &Value, value: &Value, at: &str) -> Result<(), String> {
    let kinds = match rule {
        Value::Array(kinds) => kinds.clone(),
        kind => vec![kind.clone()],
    };
    let fits = kinds.iter().any(|kind| match kind.as_str().unwrap() {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "null" => value.is_null(),
        other => panic!("{other} is not checked here"),
    });
    match fits {
        true => Ok(()),
        false => Err(format!("{at} is no {rule}: {value}")),
    }
}

fn others(
    schema: &'static Value,
    rule: &'static Value,
    value: &Value,
    at: &str,
) -> Result<(), String> {
    let none = Map::new();
    let known = schema["properties"].as_object().unwrap_or(&none);
    let more = value.as_object().into_iter().flatten();
    for (name, value) in more.filter(|(name, _)| !known.contains_key(*name)) {
        match rule {
            Value::Bool(false) => return Err(format!("{at} has {name}, which is not described")),
            rule => valid(rule, value, &format!("{at}.{name}"))?,
        }
    }
    Ok(())
}
