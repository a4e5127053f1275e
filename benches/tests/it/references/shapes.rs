//! A reader of Rust source: the structs and enums of a file with their doc comments.

use std::path::Path;

use syn::{Attribute, Expr, ExprLit, Fields, GenericArgument, Item, Lit, Meta, PathArguments, Type};

/// A struct of the configuration, or an enum of words.
pub(super) enum Shape {
    Section { doc: String, fields: Vec<Field> },
    Words(Vec<String>),
}

pub(super) struct Field {
    pub(super) name: String,
    pub(super) doc: String,
    /// The last segment of the path, with its types: `Vec<IpNet>`.
    pub(super) type_name: String,
}

/// Reads the structs with named fields and the enums of a file, by name.
pub(super) fn read_shapes(file: &Path) -> impl Iterator<Item = (String, Shape)> {
    let source = std::fs::read_to_string(file).unwrap();
    syn::parse_file(&source).unwrap().items.into_iter().filter_map(shape)
}

fn shape(item: Item) -> Option<(String, Shape)> {
    match item {
        Item::Struct(item) => {
            let Fields::Named(fields) = item.fields else { return None };
            let fields = fields.named.into_iter().map(|field| Field {
                name: field.ident.unwrap().to_string(),
                doc: doc(&field.attrs),
                type_name: type_name(&field.ty),
            });
            Some((item.ident.to_string(), Shape::Section { doc: doc(&item.attrs), fields: fields.collect() }))
        }
        Item::Enum(item) => {
            let words = item.variants.iter().map(|variant| variant.ident.to_string().to_lowercase());
            Some((item.ident.to_string(), Shape::Words(words.collect())))
        }
        _ => None,
    }
}

fn type_name(kind: &Type) -> String {
    // A struct of the configuration has only paths as types.
    let Type::Path(path) = kind else { return String::new() };
    let segment = path.path.segments.last().unwrap();
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return segment.ident.to_string();
    };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(kind) => Some(type_name(kind)),
        _ => None,
    });
    let types: Vec<String> = types.collect();
    if types.is_empty() {
        segment.ident.to_string()
    } else {
        format!("{}<{}>", segment.ident, types.join(","))
    }
}

/// A doc comment as one line.
fn doc(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    });
    lines.collect::<Vec<_>>().join(" ")
}
