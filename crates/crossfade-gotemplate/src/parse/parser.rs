//! Builds the trees of a text: its own, and one for each `define` and `block` in it.
//!
//! Refuses what Go refuses while parsing: unknown functions and variables, `break` outside a loop, empty pipelines,
//! in Go's words (`template: NAME:LINE: …`).

use std::rc::Rc;

use super::lexer::{Kind, Token, tokens};
use super::literal::{character, number, unquote};
use super::node::{Branch, Command, Expression, List, Node, Pipe, Tree};
use crate::error::Error;
use crate::limits::NESTING_DEPTH_MAX;
use crate::printf::quote;
use crate::value::Value;

/// A tree and its name, in the order of the text; the text's own is the last.
pub type Definition = Rc<Tree>;

/// Parses a text. `is_function` knows the functions there are.
pub fn parse(name: &str, text: &str, is_function: &dyn Fn(&str) -> bool) -> Result<Vec<Definition>, Error> {
    let line_error = |position: usize, message: &str| {
        let line = 1 + text[..position.min(text.len())].matches('\n').count();
        Error::Parse(format!("template: {name}:{line}: {message}"))
    };
    // Go reads token by token: what is wrong with the tree comes before what is wrong further on in the text.
    let (tokens, lex_error) = tokens(text);
    let mut parser = Parser {
        tokens,
        at: 0,
        text_name: Rc::from(name),
        text: Rc::from(text),
        is_function,
        variables: vec![Rc::from("$")],
        loops: 0,
        depth: 0,
        definitions: Vec::new(),
    };
    let parsed = parser.text_itself();
    let is_at_end = parser.at >= parser.tokens.len();
    match (parsed, lex_error) {
        (Err((position, message)), stopped) if stopped.is_none() || !is_at_end => {
            Err(line_error(position, &message))
        }
        (_, stopped) => match stopped {
            Some((position, message)) => Err(line_error(position, &message)),
            None => Ok(parser.definitions),
        },
    }
}

type Refusal = (usize, String);
type Parsed<T> = Result<T, Refusal>;

struct Parser<'t> {
    tokens: Vec<Token<'t>>,
    at: usize,
    text_name: Rc<str>,
    text: Rc<str>,
    is_function: &'t dyn Fn(&str) -> bool,
    variables: Vec<Rc<str>>,
    loops: usize,
    depth: usize,
    definitions: Vec<Definition>,
}

/// What ended a list of nodes.
enum Stop {
    End,
    /// `{{ else }}`, `{{ else if … }}`, `{{ else with … }}`; the parser stands right behind the word `else`.
    Else(usize),
    Text(usize),
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Token<'t> {
        // The last token is always `End`, and nothing moves past it.
        self.tokens[self.at.min(self.tokens.len() - 1)].clone()
    }

    fn next(&mut self) -> Token<'t> {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn skip_space(&mut self) {
        while self.peek().kind == Kind::Space {
            self.at += 1;
        }
    }

    fn peek_non_space(&mut self) -> Token<'t> {
        self.skip_space();
        self.peek()
    }

    fn next_non_space(&mut self) -> Token<'t> {
        self.skip_space();
        self.next()
    }

    fn unexpected<T>(token: &Token<'_>, context: &str) -> Parsed<T> {
        let what = match token.kind {
            Kind::End => "EOF".to_owned(),
            Kind::Word if is_keyword(token.text) => format!("<{}>", token.text),
            _ if token.text.chars().count() > 10 => {
                format!("{}...", quote(&token.text.chars().take(10).collect::<String>()))
            }
            _ => quote(token.text),
        };
        Err((token.position, format!("unexpected {what} in {context}")))
    }

    fn tree(&mut self, name: Rc<str>, root: List) {
        self.definitions.push(Rc::new(Tree {
            name,
            text_name: self.text_name.clone(),
            text: self.text.clone(),
            root,
        }));
    }

    /// The text at the top, with its definitions.
    fn text_itself(&mut self) -> Parsed<()> {
        let mut nodes = List::new();
        match self.nodes(&mut nodes, true)? {
            Stop::Text(_) => {}
            Stop::End => return self.unexpected_word("end"),
            Stop::Else(_) => return self.unexpected_word("else"),
        }
        self.tree(self.text_name.clone(), nodes);
        Ok(())
    }

    fn unexpected_word<T>(&self, word: &str) -> Parsed<T> {
        let position = self.tokens[self.at.saturating_sub(1).min(self.tokens.len() - 1)].position;
        Err((position, format!("unexpected {{{{{word}}}}}")))
    }

    /// Nodes up to an `end`, an `else` or the end of the text.
    fn nodes(&mut self, out: &mut List, is_top: bool) -> Parsed<Stop> {
        loop {
            let token = self.next();
            match token.kind {
                Kind::Text => out.push(Node::Text(Rc::from(token.text))),
                Kind::End => return Ok(Stop::Text(token.position)),
                _ => {
                    if let Some(stop) = self.action(out, is_top)? {
                        return Ok(stop);
                    }
                }
            }
        }
    }

    /// An action, its left delimiter already taken.
    fn action(&mut self, out: &mut List, is_top: bool) -> Parsed<Option<Stop>> {
        let token = self.peek_non_space();
        if token.kind != Kind::Word || !is_keyword(token.text) || token.text == "nil" {
            let pipe = self.pipeline("command", Kind::RightDelimiter)?;
            out.push(Node::Action(pipe));
            return Ok(None);
        }
        self.next();
        match token.text {
            "end" => {
                let closing = self.next_non_space();
                return if closing.kind == Kind::RightDelimiter {
                    Ok(Some(Stop::End))
                } else {
                    Self::unexpected(&closing, "end")
                };
            }
            "else" => return Ok(Some(Stop::Else(token.position))),
            "if" | "with" | "range" => out.push(self.branch(token.text)?),
            "define" if is_top => self.define()?,
            "define" => return Self::unexpected(&token, "command"),
            "block" => out.push(self.block(token.position)?),
            "template" => out.push(self.template()?),
            word => {
                let closing = self.next_non_space();
                if closing.kind != Kind::RightDelimiter {
                    return Self::unexpected(&closing, &format!("{{{{{word}}}}}"));
                }
                if self.loops == 0 {
                    return Err((token.position, format!("{{{{{word}}}}} outside {{{{range}}}}")));
                }
                out.push(if word == "break" { Node::Break } else { Node::Continue });
            }
        }
        Ok(None)
    }

    /// `if`, `with` and `range` with their bodies; `else if` and `else with` become a branch inside the `else`.
    fn branch(&mut self, word: &str) -> Parsed<Node> {
        self.deeper()?;
        let scope = self.variables.len();
        let pipe = self.pipeline(word, Kind::RightDelimiter)?;
        let is_loop = word == "range";
        self.loops += usize::from(is_loop);
        let mut body = List::new();
        let stop = self.nodes(&mut body, false);
        self.loops -= usize::from(is_loop);
        let mut otherwise = List::new();
        match stop? {
            Stop::End => {}
            Stop::Text(position) => return Err((position, "unexpected EOF".to_owned())),
            Stop::Else(position) => self.otherwise(word, position, &mut otherwise)?,
        }
        self.variables.truncate(scope);
        self.depth -= 1;
        let branch = Branch { pipe, body, otherwise };
        Ok(match word {
            "if" => Node::If(branch),
            "with" => Node::With(branch),
            _ => Node::Range(branch),
        })
    }

    fn otherwise(&mut self, word: &str, position: usize, out: &mut List) -> Parsed<()> {
        let next = self.peek_non_space();
        if next.kind == Kind::Word && next.text == word && word != "range" {
            self.next();
            out.push(self.branch(word)?);
            return Ok(());
        }
        let closing = self.next_non_space();
        if closing.kind != Kind::RightDelimiter {
            return Self::unexpected(&closing, "else");
        }
        match self.nodes(out, false)? {
            Stop::End => Ok(()),
            Stop::Text(end) => Err((end, "unexpected EOF".to_owned())),
            Stop::Else(_) => Err((position, "expected end; found {{else}}".to_owned())),
        }
    }

    fn deeper(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > NESTING_DEPTH_MAX {
            return Err((self.peek().position, format!("max nesting depth of {NESTING_DEPTH_MAX} exceeded")));
        }
        Ok(())
    }

    /// A template's name: a quoted or raw string.
    fn name(&mut self, context: &str) -> Parsed<Rc<str>> {
        let token = self.next_non_space();
        match token.kind {
            Kind::String | Kind::RawString => match unquote(token.text) {
                Some(name) => Ok(Rc::from(name.as_str())),
                None => Err((token.position, "invalid syntax".to_owned())),
            },
            _ => Self::unexpected(&token, context),
        }
    }

    fn define(&mut self) -> Parsed<()> {
        let name = self.name("define clause")?;
        let closing = self.next_non_space();
        if closing.kind != Kind::RightDelimiter {
            return Self::unexpected(&closing, "define clause");
        }
        let root = self.own_scope("define clause")?;
        self.add(name, root, closing.position)
    }

    /// A body with variables and loops of its own.
    fn own_scope(&mut self, context: &str) -> Parsed<List> {
        let variables = std::mem::replace(&mut self.variables, vec![Rc::from("$")]);
        let loops = std::mem::take(&mut self.loops);
        let mut root = List::new();
        let stop = self.nodes(&mut root, false)?;
        self.variables = variables;
        self.loops = loops;
        match stop {
            Stop::End => Ok(root),
            Stop::Text(position) => Err((position, "unexpected EOF".to_owned())),
            Stop::Else(position) => Err((position, format!("unexpected {{{{else}}}} in {context}"))),
        }
    }

    /// Twice the same name in one text is refused, unless one of them is empty.
    fn add(&mut self, name: Rc<str>, root: List, position: usize) -> Parsed<()> {
        let is_empty = root.iter().all(|node| matches!(node, Node::Text(text) if text.trim().is_empty()));
        if let Some(index) = self.definitions.iter().position(|known| known.name == name) {
            if is_empty {
                return Ok(());
            }
            if !self.definitions[index].is_empty() {
                return Err((
                    position,
                    format!("template: multiple definition of template {}", quote(&name)),
                ));
            }
            self.definitions.remove(index);
        }
        self.tree(name, root);
        Ok(())
    }

    fn block(&mut self, position: usize) -> Parsed<Node> {
        let name = self.name("block clause")?;
        let pipe = self.pipeline("block clause", Kind::RightDelimiter)?;
        let root = self.own_scope("block clause")?;
        self.add(name.clone(), root, position)?;
        Ok(Node::Template { position, name, pipe: Some(pipe) })
    }

    /// Such an action is said to stand where the name does.
    fn template(&mut self) -> Parsed<Node> {
        let position = self.peek_non_space().position;
        let name = self.name("template clause")?;
        if self.peek_non_space().kind == Kind::RightDelimiter {
            self.next();
            return Ok(Node::Template { position, name, pipe: None });
        }
        let pipe = self.pipeline("template clause", Kind::RightDelimiter)?;
        Ok(Node::Template { position, name, pipe: Some(pipe) })
    }

    /// A pipeline with its declarations, up to and with the token that closes it.
    fn pipeline(&mut self, context: &str, closing: Kind) -> Parsed<Pipe> {
        self.deeper()?;
        let position = self.peek_non_space().position;
        let mut pipe = Pipe { position, is_assignment: false, variables: Vec::new(), commands: Vec::new() };
        self.declarations(context, &mut pipe)?;
        loop {
            let token = self.next_non_space();
            match token.kind {
                kind if kind == closing => break,
                Kind::Pipe
                | Kind::RightDelimiter
                | Kind::RightParenthesis
                | Kind::Comma
                | Kind::Assign
                | Kind::Declare
                | Kind::End => {
                    return Self::unexpected(&token, context);
                }
                _ => {
                    self.at -= 1;
                    let command = self.command()?;
                    pipe.commands.push(command);
                }
            }
        }
        self.depth -= 1;
        if pipe.commands.is_empty() {
            return Err((position, format!("missing value for {context}")));
        }
        for (index, command) in pipe.commands.iter().enumerate().skip(1) {
            if let Expression::Nil(at) | Expression::Dot(at) | Expression::Literal(at, ..) =
                &command.operands[0]
            {
                return Err((*at, format!("non executable command in pipeline stage {}", index + 1)));
            }
        }
        Ok(pipe)
    }

    /// `$x :=`, `$x =` and, in a range, `$i, $x :=`.
    fn declarations(&mut self, context: &str, pipe: &mut Pipe) -> Parsed<()> {
        loop {
            let start = self.at;
            let variable = self.peek_non_space();
            if variable.kind != Kind::Variable {
                return Ok(());
            }
            self.next();
            let next = self.peek_non_space();
            match next.kind {
                Kind::Assign | Kind::Declare => {
                    self.next();
                    pipe.is_assignment = next.kind == Kind::Assign;
                    self.declare(&variable, pipe);
                    return Ok(());
                }
                Kind::Comma if context == "range" && pipe.variables.len() < 2 => {
                    self.next();
                    pipe.is_assignment = self.is_assigned_later();
                    self.declare(&variable, pipe);
                    if pipe.variables.len() == 2 {
                        return Err((variable.position, "too many declarations in range".to_owned()));
                    }
                }
                Kind::Comma => return Err((next.position, format!("too many declarations in {context}"))),
                _ => {
                    self.at = start;
                    return Ok(());
                }
            }
        }
    }

    /// Whether the sign behind the second variable of a range is `=`.
    fn is_assigned_later(&self) -> bool {
        let sign =
            self.tokens[self.at..].iter().find(|token| !matches!(token.kind, Kind::Space | Kind::Variable));
        sign.is_some_and(|token| token.kind == Kind::Assign)
    }

    /// Whether a variable that is assigned exists shows when it is carried out; from here on it is known.
    fn declare(&mut self, variable: &Token<'_>, pipe: &mut Pipe) {
        let name: Rc<str> = Rc::from(variable.text);
        self.variables.push(name.clone());
        pipe.variables.push(name);
    }

    /// Operands up to a `|` or what closes the pipeline.
    fn command(&mut self) -> Parsed<Command> {
        let position = self.peek_non_space().position;
        let mut operands = Vec::new();
        loop {
            self.skip_space();
            if let Some(operand) = self.operand()? {
                operands.push(operand);
            }
            let token = self.next();
            match token.kind {
                Kind::Space => {}
                Kind::RightDelimiter | Kind::RightParenthesis => {
                    self.at -= 1;
                    break;
                }
                Kind::Pipe => {
                    let next = self.peek_non_space();
                    if matches!(next.kind, Kind::RightDelimiter | Kind::RightParenthesis) {
                        return Err((next.position, "missing value for command".to_owned()));
                    }
                    break;
                }
                _ => return Self::unexpected(&token, "operand"),
            }
        }
        if operands.is_empty() {
            return Err((position, "empty command".to_owned()));
        }
        Ok(Command { position, operands })
    }

    /// A term with the fields behind it. As in Go, such a chain is said to stand where its second part does.
    fn operand(&mut self) -> Parsed<Option<Expression>> {
        let Some(term) = self.term()? else { return Ok(None) };
        if self.peek().kind != Kind::Field {
            return Ok(Some(term));
        }
        let position = self.peek().position;
        let mut names = Vec::new();
        while self.peek().kind == Kind::Field {
            names.push(Rc::from(&self.next().text[1..]));
        }
        Ok(Some(match term {
            Expression::Field(_, mut all) => {
                all.extend(names);
                Expression::Field(position, all)
            }
            Expression::Variable(_, mut all) => {
                all.extend(names);
                Expression::Variable(position, all)
            }
            Expression::Literal(at, _, text) => {
                return Err((at, format!("unexpected . after term {}", quote(&text))));
            }
            Expression::Nil(at) => return Err((at, "unexpected . after term \"nil\"".to_owned())),
            Expression::Dot(at) => return Err((at, "unexpected . after term \".\"".to_owned())),
            other => Expression::Chain(position, Box::new(other), names),
        }))
    }

    fn term(&mut self) -> Parsed<Option<Expression>> {
        let token = self.next_non_space();
        let position = token.position;
        let literal = |value| Ok(Some(Expression::Literal(position, value, Rc::from(token.text))));
        match token.kind {
            Kind::Word => match token.text {
                "true" => literal(Value::Bool(true)),
                "false" => literal(Value::Bool(false)),
                "nil" => Ok(Some(Expression::Nil(position))),
                word if is_keyword(word) => Self::unexpected(&token, "operand"),
                name if (self.is_function)(name) => Ok(Some(Expression::Function(position, Rc::from(name)))),
                name => Err((position, format!("function {} not defined", quote(name)))),
            },
            Kind::Dot => Ok(Some(Expression::Dot(position))),
            Kind::Variable => {
                let name: Rc<str> = Rc::from(token.text);
                if !self.variables.contains(&name) {
                    return Err((position, format!("undefined variable {}", quote(&name))));
                }
                Ok(Some(Expression::Variable(position, vec![name])))
            }
            Kind::Field => Ok(Some(Expression::Field(position, vec![Rc::from(&token.text[1..])]))),
            Kind::Number => match number(token.text) {
                Some(value) => literal(value),
                None => Err((position, format!("bad number syntax: {}", quote(token.text)))),
            },
            Kind::Character => match character(token.text) {
                Some(code) => literal(Value::Int(code)),
                None => Err((position, format!("malformed character constant: {}", token.text))),
            },
            Kind::String | Kind::RawString => match unquote(token.text) {
                Some(text) => literal(Value::string(text)),
                None => Err((position, "invalid syntax".to_owned())),
            },
            Kind::LeftParenthesis => {
                let pipe = self.pipeline("parenthesized pipeline", Kind::RightParenthesis)?;
                Ok(Some(Expression::Parenthesis(Box::new(pipe))))
            }
            _ => {
                self.at -= 1;
                Ok(None)
            }
        }
    }
}

fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "block"
            | "break"
            | "continue"
            | "define"
            | "else"
            | "end"
            | "if"
            | "nil"
            | "range"
            | "template"
            | "with"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        match parse("t", text, &|name| name == "print") {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn refuses_what_go_refuses_in_its_words() {
        for (text, message) in [
            ("{{ nope }}", "template: t:1: function \"nope\" not defined"),
            ("\n{{ $x }}", "template: t:2: undefined variable \"$x\""),
            ("{{ if }}{{ end }}", "template: t:1: missing value for if"),
            ("{{ break }}", "template: t:1: {{break}} outside {{range}}"),
            ("{{ if 1 }}", "template: t:1: unexpected EOF"),
            ("{{ end }}", "template: t:1: unexpected {{end}}"),
            ("{{ print", "template: t:1: unclosed action"),
            ("{{ \"x }}", "template: t:1: unterminated quoted string"),
            ("{{ print | nil }}", "template: t:1: non executable command in pipeline stage 2"),
        ] {
            assert_eq!(refusal(text), message, "{text}");
        }
    }

    #[test]
    fn trees_print_as_they_were_written() {
        let trees = parse("t", "{{ $x := print (print .A.B).C | print }}", &|_| true);
        let tree = trees.as_ref().ok().and_then(|trees| trees.last());
        let Some(Node::Action(pipe)) = tree.and_then(|tree| tree.root.first()) else { panic!("an action") };
        assert_eq!(pipe.to_string(), "$x := print (print .A.B).C | print");
    }
}
