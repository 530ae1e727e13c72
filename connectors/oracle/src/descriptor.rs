//! Connect descriptors: `(DESCRIPTION=(ADDRESS=(PROTOCOL=tcp)(HOST=h)(PORT=1521))(CONNECT_DATA=(SERVICE_NAME=s)))`.

/// Nesting that no descriptor has.
const DEEPEST: usize = 16;

/// One place where the database may be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: bool,
    /// What stands inside `(CONNECT_DATA=...)`.
    pub(crate) connect_data: String,
}

/// One `(KEY=value)` or `(KEY=(...)(...))`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Node {
    key: String,
    value: String,
    children: Vec<Node>,
}

/// The places a descriptor names, in its order.
///
/// # Errors
/// It cannot be read, names no address, or asks for something that is not done here.
pub(crate) fn endpoints(text: &str) -> Result<Vec<Endpoint>, String> {
    let (nodes, rest) = read(text.trim(), 0)?;
    if !rest.trim().is_empty() {
        return Err("something follows the connect descriptor".to_string());
    }
    let mut found = Vec::new();
    for node in &nodes {
        node.visit(&mut |description| {
            if description.key != "DESCRIPTION" {
                return Ok(());
            }
            let connect_data =
                description.child("CONNECT_DATA").map_or(String::new(), Node::inside);
            if description.find("SSL_SERVER_CERT_DN").is_some() {
                return Err(
                    "SSL_SERVER_CERT_DN is not supported: the certificate is verified by its \
                            names (server_name names another one)"
                        .to_string(),
                );
            }
            addresses(description, &connect_data, &mut found)
        })?;
    }
    if found.is_empty() {
        Err("the connect descriptor names no address".to_string())
    } else {
        Ok(found)
    }
}

/// The address that a listener sends its client to.
pub(crate) fn redirect(text: &str) -> Option<(String, u16, bool)> {
    let (nodes, _) = read(text.trim(), 0).ok()?;
    let mut found = None;
    for node in &nodes {
        let visited = node.visit(&mut |address| {
            if address.key == "ADDRESS" && found.is_none() {
                found = Some(place(address)?);
            }
            Ok(())
        });
        visited.ok()?;
    }
    found
}

fn addresses(node: &Node, connect_data: &str, found: &mut Vec<Endpoint>) -> Result<(), String> {
    for child in &node.children {
        match child.key.as_str() {
            "ADDRESS_LIST" => addresses(child, connect_data, found)?,
            "ADDRESS" => {
                let (host, port, tls) = place(child)?;
                found.push(Endpoint { host, port, tls, connect_data: connect_data.to_string() });
            }
            _ => {}
        }
    }
    Ok(())
}

fn place(address: &Node) -> Result<(String, u16, bool), String> {
    let value = |key: &str| address.child(key).map(|node| node.value.as_str());
    let host = value("HOST").ok_or("an address without HOST")?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_string();
    let port = value("PORT").map_or(Ok(1521), str::parse);
    let port = port.map_err(|_| "an address whose PORT is no number".to_string())?;
    if value("HTTPS_PROXY").is_some() {
        return Err("HTTPS_PROXY is not supported".to_string());
    }
    match value("PROTOCOL").unwrap_or("TCP").to_ascii_uppercase().as_str() {
        "TCP" => Ok((host, port, false)),
        "TCPS" => Ok((host, port, true)),
        other => Err(format!("the protocol {other} is not supported: TCP or TCPS")),
    }
}

impl Node {
    fn child(&self, key: &str) -> Option<&Node> {
        self.children.iter().find(|child| child.key == key)
    }

    fn find(&self, key: &str) -> Option<&Node> {
        if self.key == key { Some(self) } else { self.children.iter().find_map(|c| c.find(key)) }
    }

    fn visit(&self, see: &mut dyn FnMut(&Node) -> Result<(), String>) -> Result<(), String> {
        see(self)?;
        self.children.iter().try_for_each(|child| child.visit(see))
    }

    fn inside(&self) -> String {
        let mut text = self.value.clone();
        for child in &self.children {
            text.push_str(&format!("({}={})", child.key, child.inside()));
        }
        text
    }
}

/// Nodes up to a closing parenthesis or the end, and what follows.
fn read(mut text: &str, depth: usize) -> Result<(Vec<Node>, &str), String> {
    let malformed = || "the connect descriptor cannot be read".to_string();
    if depth > DEEPEST {
        return Err(malformed());
    }
    let mut nodes = Vec::new();
    loop {
        text = text.trim_start();
        let Some(inner) = text.strip_prefix('(') else { return Ok((nodes, text)) };
        let (key, rest) = inner.split_once('=').ok_or_else(malformed)?;
        let key = key.trim().to_ascii_uppercase();
        if key.is_empty() || key.contains(['(', ')']) {
            return Err(malformed());
        }
        let rest = rest.trim_start();
        let (value, children, rest) = if rest.starts_with('(') {
            let (children, rest) = read(rest, depth + 1)?;
            (String::new(), children, rest)
        } else {
            let end = rest.find([')', '(']).ok_or_else(malformed)?;
            let (value, rest) = rest.split_at(end);
            (value.trim().trim_matches('"').to_string(), Vec::new(), rest)
        };
        text = rest.trim_start().strip_prefix(')').ok_or_else(malformed)?;
        nodes.push(Node { key, value, children });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_order() {
        let text = "(DESCRIPTION = (ADDRESS_LIST=(ADDRESS=(PROTOCOL=tcp)(HOST=a)(PORT=1))\
             (ADDRESS=(PROTOCOL=TCPS)(HOST=[::1])(PORT=2)))(CONNECT_DATA=(SERVICE_NAME=x.y)(SERVER=DEDICATED)))";
        let found = endpoints(text).expect("two");
        let data = "(SERVICE_NAME=x.y)(SERVER=DEDICATED)".to_string();
        assert_eq!(
            found[0],
            Endpoint { host: "a".into(), port: 1, tls: false, connect_data: data.clone() }
        );
        assert_eq!(
            found[1],
            Endpoint { host: "::1".into(), port: 2, tls: true, connect_data: data }
        );
    }

    #[test]
    fn what_is_not_done_is_refused() {
        for text in [
            "",
            "(DESCRIPTION=",
            "(DESCRIPTION=(CONNECT_DATA=(SERVICE_NAME=x)))",
            "(DESCRIPTION=(ADDRESS=(PROTOCOL=ipc)(KEY=x)))",
            "(DESCRIPTION=(ADDRESS=(PROTOCOL=ipc)(HOST=x)))",
            "(DESCRIPTION=(ADDRESS=(HOST=x)(PORT=y)))",
            "(DESCRIPTION=(ADDRESS=(HOST=x))(SECURITY=(SSL_SERVER_CERT_DN=\"CN=x\")))",
            "(DESCRIPTION=(ADDRESS=(HOST=x)))(",
        ] {
            assert!(endpoints(text).is_err(), "{text}");
        }
        assert!(endpoints(&"(A=".repeat(10_000)).is_err());
    }

    #[test]
    fn a_redirect_names_an_address() {
        let text = "(ADDRESS=(PROTOCOL=TCP)(HOST=10.0.0.7)(PORT=1522))";
        assert_eq!(redirect(text), Some(("10.0.0.7".into(), 1522, false)));
        assert_eq!(redirect("(nonsense"), None);
    }
}
