//! The reference page of the commands, made from the table.

use std::fmt::Write;

use super::{COMMANDS, CommandSpec, Group, Reason, UNSERVED};

/// The text of `docs/commands.md`.
pub fn docs() -> String {
    let mut page = String::from(INTRODUCTION);
    for group in Group::ALL {
        let mut specs = COMMANDS.iter().filter(|spec| spec.group == group).peekable();
        if specs.peek().is_none() {
            continue;
        }
        push_line(&mut page, format_args!("\n## {}\n", heading(group)));
        page.push_str(TABLE_HEAD);
        for spec in specs {
            push_row(&mut page, spec);
            for sub in spec.subcommands {
                push_row(&mut page, sub);
            }
        }
    }
    page.push_str("\n## Not served in this release\n\n");
    page.push_str(
        "These commands of Redis get an error that begins with `ERR unknown command` and gives the reason.\n",
    );
    for reason in Reason::ALL {
        let names: Vec<String> = UNSERVED
            .iter()
            .filter(|unserved| unserved.reason == reason)
            .map(|unserved| format!("`{}`", unserved.name.to_ascii_uppercase()))
            .collect();
        push_line(&mut page, format_args!("\n\"{}\": {}.", reason.text(), names.join(", ")));
    }
    page
}

fn push_row(page: &mut String, spec: &CommandSpec) {
    let name = spec.full_name.to_ascii_uppercase().replace('|', " ");
    // A bar ends a table cell, even between backticks.
    let form = format!("{name} {}", spec.syntax()).trim_end().replace('|', "\\|");
    let origin = if spec.is_own() { "Fanfare" } else { "Redis" };
    let flags: Vec<&str> = spec.flags.names().collect();
    let categories: Vec<String> = spec.categories.names().map(|name| format!("@{name}")).collect();
    let advice = spec.deprecated.map(|deprecation| format!(" (use {})", deprecation.replaced_by)).unwrap_or_default();
    push_line(
        page,
        format_args!(
            "| `{form}` | {}{advice} | {origin} {} | {} | {} | {} |",
            spec.summary,
            spec.since,
            spec.arity,
            flags.join(" "),
            categories.join(" "),
        ),
    );
}

fn push_line(page: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(page, "{line}");
}

const fn heading(group: Group) -> &'static str {
    match group {
        Group::Cluster => "Cluster",
        Group::Connection => "Connection",
        Group::Generic => "Keys",
        Group::Hash => "Hashes",
        Group::List => "Lists",
        Group::Pubsub => "Channels",
        Group::Scripting => "Functions",
        Group::Server => "Server",
        Group::Set => "Sets",
        Group::SortedSet => "Sorted sets",
        Group::Stream => "Streams",
        Group::String => "Strings",
        Group::Transactions => "Transactions",
    }
}

const INTRODUCTION: &str = "\
# Commands

<!-- Generated from the command table by `cargo xtask docs`. Change the table, not this page. -->

What the server answers to `COMMAND INFO` and `COMMAND DOCS`, as a page. Arity counts the words of a request, the name
included: exactly that many, or at least that many when negative. A command that has subcommands only groups them.
";

const TABLE_HEAD: &str = "\
| Command | Does | Since | Arity | Flags | ACL categories |
|---|---|---|---|---|---|
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_row() {
        let page = docs();
        for spec in COMMANDS.iter().flat_map(|spec| std::iter::once(spec).chain(spec.subcommands)) {
            let name = spec.full_name.to_ascii_uppercase().replace('|', " ");
            assert!(page.contains(&format!("| `{name}")), "{name}");
        }
    }

    #[test]
    fn rows_have_six_cells() {
        for row in docs().lines().filter(|line| line.starts_with('|')) {
            assert_eq!(row.replace("\\|", "").matches('|').count(), 7, "{row}");
        }
    }
}
