//! `--set path=value`: one field of a config, changed from outside.

use ron::value::{Number, Value as Ron};
use serde_json::{Map, Value};

use super::Config;

/// An override does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// It is not of the form `path=value`.
    #[error("`{0}` is no override; write path=value, such as memory=256MiB")]
    Form(String),
    /// There is no such field.
    #[error("--set {path}: there is no `{part}` in {parent}; there are {allowed}")]
    NoField {
        /// The whole path.
        path: String,
        /// The part of it that leads nowhere.
        part: String,
        /// Where it was looked for.
        parent: String,
        /// What is there.
        allowed: String,
    },
    /// The value is not right for the field.
    #[error("--set {path}: found `{value}`: {reason}")]
    Value {
        /// The whole path.
        path: String,
        /// What was given.
        value: String,
        /// What is allowed.
        reason: String,
    },
}

impl Config {
    /// Changes the field at a path such as `cpu.tsc_hz`, `devices.com1.irq` or `devices.3.irq`
    /// (by name, kind or place), in `path=value`. The value is written as in a config; strings
    /// need no quotes.
    ///
    /// # Errors
    /// When there is no such field, or the value is not right for it.
    pub fn set(&mut self, assignment: &str) -> Result<(), SetError> {
        let (path, text) = assignment.split_once('=').ok_or_else(|| SetError::Form(assignment.into()))?;
        let (path, text) = (path.trim(), text.trim());
        // Plain data always has a JSON form.
        let mut tree = serde_json::to_value(&*self).unwrap_or_default();
        let field = find(&mut tree, path)?;
        let literal = || Value::String(unquoted(text).into());
        let mut readings = Vec::new();
        if !field.is_string() {
            readings.extend(ron::from_str::<Ron>(text).ok().and_then(json));
        }
        readings.push(literal());
        let mut reason = String::new();
        for reading in readings {
            *find(&mut tree, path)? = reading;
            match serde_path_to_error::deserialize::<_, Self>(&tree) {
                Ok(config) => {
                    *self = config;
                    return Ok(());
                }
                Err(error) if reason.is_empty() => reason = error.inner().to_string(),
                Err(_) => {}
            }
        }
        Err(SetError::Value { path: path.into(), value: text.into(), reason })
    }
}

fn unquoted(text: &str) -> &str {
    text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text)
}

/// The field at `path`, which must exist already; maps with free keys take new ones.
fn find<'a>(tree: &'a mut Value, path: &str) -> Result<&'a mut Value, SetError> {
    let mut here = tree;
    let mut parent = String::from("the config");
    for part in path.split('.') {
        let keys = keys(here);
        let free = parent == "`outputs`" || parent == "`features`";
        let found = match here {
            Value::Object(map) => {
                if free && !map.contains_key(part) {
                    map.insert(part.into(), Value::Null);
                }
                map.get_mut(part)
            }
            Value::Array(list) => position(list, part).and_then(|at| list.get_mut(at)).map(content),
            _ => None,
        };
        here = found.ok_or_else(|| SetError::NoField {
            path: path.into(),
            part: part.into(),
            parent: parent.clone(),
            allowed: if keys.is_empty() { "no fields".into() } else { keys.join(", ") },
        })?;
        parent = format!("`{part}`");
    }
    Ok(here)
}

fn keys(value: &Value) -> Vec<String> {
    match value {
        Value::Object(map) => map.keys().cloned().collect(),
        Value::Array(list) => {
            list.iter().enumerate().map(|(at, item)| label(item).unwrap_or(at.to_string())).collect()
        }
        _ => Vec::new(),
    }
}

/// A device is a map of one entry: its kind, and the fields behind it.
fn device(item: &Value) -> Option<(&String, &Map<String, Value>)> {
    let (kind, fields) = item.as_object().filter(|map| map.len() == 1)?.iter().next()?;
    Some((kind, fields.as_object()?))
}

fn label(item: &Value) -> Option<String> {
    let (kind, fields) = device(item)?;
    let name = fields.get("name").and_then(Value::as_str);
    Some(name.unwrap_or(kind).into())
}

fn position(list: &[Value], part: &str) -> Option<usize> {
    let by_name = list.iter().position(|item| label(item).as_deref() == Some(part));
    let by_kind = || list.iter().position(|item| device(item).is_some_and(|(kind, _)| kind == part));
    by_name.or_else(by_kind).or_else(|| part.parse().ok())
}

/// The fields of a device; other list items themselves.
fn content(item: &mut Value) -> &mut Value {
    if let Some(kind) = device(item).map(|(kind, _)| kind.clone()) {
        return &mut item[&kind];
    }
    item
}

fn json(value: Ron) -> Option<Value> {
    Some(match value {
        Ron::Bool(value) => value.into(),
        Ron::Char(value) => value.to_string().into(),
        Ron::String(value) => value.into(),
        Ron::Unit | Ron::Option(None) => Value::Null,
        Ron::Option(Some(value)) => json(*value)?,
        Ron::Number(number) => match number {
            Number::F32(value) => value.get().into(),
            Number::F64(value) => value.get().into(),
            number => match (number_u64(&number), number_i64(&number)) {
                (Some(value), _) => value.into(),
                (None, Some(value)) => value.into(),
                (None, None) => return None,
            },
        },
        Ron::Seq(list) => Value::Array(list.into_iter().map(json).collect::<Option<_>>()?),
        Ron::Map(map) => {
            let mut object = Map::new();
            for (key, value) in map {
                let Ron::String(key) = key else { return None };
                object.insert(key, json(value)?);
            }
            Value::Object(object)
        }
        _ => return None,
    })
}

fn number_u64(number: &Number) -> Option<u64> {
    match *number {
        Number::U8(value) => Some(value.into()),
        Number::U16(value) => Some(value.into()),
        Number::U32(value) => Some(value.into()),
        Number::U64(value) => Some(value),
        _ => None,
    }
}

fn number_i64(number: &Number) -> Option<i64> {
    match *number {
        Number::I8(value) => Some(value.into()),
        Number::I16(value) => Some(value.into()),
        Number::I32(value) => Some(value.into()),
        Number::I64(value) => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DeviceConfig, Sink, Size};

    fn config() -> Config {
        Config::from_ron("(devices: [pic(), debug_exit(), debugcon(name: \"dbg\")])", "t").unwrap()
    }

    #[test]
    fn any_field_can_be_set() {
        let mut c = config();
        for assignment in [
            "memory=256MiB",
            "cpu.tsc_hz=2000000000",
            "cpu.model=x86-64-v3",
            "cpu.features.aes=true",
            "cpu.brand=a brand",
            "clock.ps_per_instruction=0x10",
            "acpi=false",
            "name=my machine",
            "boot.cmdline=a=b 5",
            "boot.kernel=k.elf",
            "boot.kind=flat",
            "boot.flat.mode=long64",
            "devices.dbg.port=0x402",
            "devices.debug_exit.port=0x501",
            "serial.end_of_input=4",
            "serial.to=null",
            "outputs.dbg=stderr",
        ] {
            c.set(assignment).unwrap_or_else(|error| panic!("{assignment}: {error}"));
        }
        assert_eq!(c.memory, Size::mib(256));
        assert_eq!(c.cpu.tsc_hz, 2_000_000_000);
        assert_eq!(c.cpu.model.as_str(), "x86-64-v3");
        assert_eq!(c.cpu.features.values().collect::<Vec<_>>(), [&true]);
        assert_eq!(c.cpu.brand.as_deref(), Some("a brand"));
        assert_eq!(c.clock.ps_per_instruction, 16);
        assert!(!c.acpi);
        assert_eq!(c.name, "my machine");
        assert_eq!(c.boot.cmdline, "a=b 5");
        assert_eq!(c.boot.kernel.as_deref(), Some("k.elf".as_ref()));
        assert_eq!(c.serial.end_of_input, Some(4));
        assert_eq!(c.serial.to, Sink::Null);
        assert_eq!(c.outputs["dbg"], Sink::Stderr);
        let DeviceConfig::Debugcon(debugcon) = &c.devices[2] else { panic!() };
        assert_eq!(debugcon.port, 0x402);
    }

    #[test]
    fn what_cannot_be_set_is_explained() {
        let mut c = config();
        let mut error = |assignment: &str| c.set(assignment).unwrap_err().to_string();
        assert!(error("memory").contains("path=value"));
        let text = error("cpu.tsc=5");
        assert!(text.contains("no `tsc` in `cpu`") && text.contains("tsc_hz"), "{text}");
        let text = error("devices.com9.port=5");
        assert!(text.contains("com9") && text.contains("debug_exit"), "{text}");
        let text = error("cpu.tsc_hz=fast");
        assert!(text.contains("fast") && text.contains("u64"), "{text}");
        let text = error("devices.dbg.port=65536");
        assert!(text.contains("65536") && text.contains("u16"), "{text}");
        let text = error("boot.kind=floppy");
        assert!(text.contains("floppy") && text.contains("multiboot"), "{text}");
        assert_eq!(c, config());
    }
}
