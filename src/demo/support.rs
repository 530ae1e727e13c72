//! The support desk: agents and tickets, in a database of its own. Its customers are the shop's.

use super::database::{Cell, Content, Table};
use super::products::PRODUCTS;
use super::random::Random;
use super::shop::{Customer, Order, Shop, at, moment, stored, today};
use super::talk::{TOPICS, Topic};
use chrono::{NaiveDateTime, TimeDelta};

const SEED: u64 = 0x0D15_C0DE;
const TICKETS: usize = 1_200;

/// Tables, keys and indexes. A foreign key cannot leave its database: `tickets.customer_id` is the
/// shop's `customers.id`.
const SCHEMA: &str = "
CREATE TABLE agents (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL UNIQUE,
    team TEXT NOT NULL
);
CREATE TABLE tickets (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL,
    agent_id INTEGER NOT NULL REFERENCES agents (id),
    opened_at DATETIME NOT NULL,
    closed_at DATETIME,
    status TEXT NOT NULL CHECK (status IN ('open', 'pending', 'closed')),
    priority TEXT NOT NULL CHECK (priority IN ('low', 'normal', 'high', 'urgent')),
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    CHECK ((status = 'closed') = (closed_at IS NOT NULL))
);
CREATE INDEX tickets_customer_id ON tickets (customer_id);
CREATE INDEX tickets_agent_id ON tickets (agent_id);
CREATE INDEX tickets_opened_at ON tickets (opened_at);
";

/// Name, first part of the e-mail address, team.
const AGENTS: [(&str, &str, &str); 12] = [
    ("Agnès Fournier", "agnes.fournier", "Delivery"),
    ("Bartosz Lis", "bartosz.lis", "Delivery"),
    ("Carmen Ortiz", "carmen.ortiz", "Delivery"),
    ("Dilnoza Karimova", "dilnoza.karimova", "Delivery"),
    ("Erik Ståhl", "erik.stahl", "Billing"),
    ("Fatoumata Diallo", "fatoumata.diallo", "Billing"),
    ("Gülşen Aydın", "gulsen.aydin", "Billing"),
    ("Henrique Tavares", "henrique.tavares", "Products"),
    ("Ji-woo Park", "jiwoo.park", "Products"),
    ("Katarzyna Sęk", "katarzyna.sek", "Products"),
    ("Liam Ó Briain", "liam.obriain", "Accounts"),
    ("Marta Kovač", "marta.kovac", "Accounts"),
];

/// A ticket before it has its number.
struct Ticket {
    opened: NaiveDateTime,
    closed: Option<NaiveDateTime>,
    status: &'static str,
    priority: &'static str,
    customer: i64,
    agent: usize,
    subject: String,
    body: String,
}

/// The support desk as a database, the same every time.
pub(super) fn content(shop: &Shop) -> Content {
    let mut random = Random::new(SEED);
    let mut tickets: Vec<_> = (0..TICKETS).map(|_| ticket(&mut random, shop)).collect();
    tickets.sort_by_key(|ticket| (ticket.opened, ticket.customer));
    let agents = (1..).zip(&AGENTS).map(|(id, (name, address, team))| {
        vec![
            Cell::Integer(id),
            Cell::Text((*name).into()),
            Cell::Text(format!("{address}@example.com")),
            Cell::Text((*team).into()),
        ]
    });
    let table = |name, rows| Table { name, rows };
    let tickets = (1..).zip(tickets).map(|(id, ticket)| ticket.row(id));
    Content {
        schema: SCHEMA,
        tables: vec![table("agents", agents.collect()), table("tickets", tickets.collect())],
    }
}

impl Ticket {
    fn row(self, id: i64) -> Vec<Cell> {
        let agent = i64::try_from(self.agent).unwrap_or(i64::MAX);
        vec![
            Cell::Integer(id),
            Cell::Integer(self.customer),
            Cell::Integer(agent + 1),
            stored(self.opened),
            self.closed.map_or(Cell::Null, stored),
            Cell::Text(self.status.into()),
            Cell::Text(self.priority.into()),
            Cell::Text(self.subject),
            Cell::Text(self.body),
        ]
    }
}

fn ticket(random: &mut Random, shop: &Shop) -> Ticket {
    // People write about an order soon after it; a few orders are older than the desk.
    let order = &shop.orders[random.index(shop.orders.len())];
    let customer = &shop.customers[usize::try_from(order.customer_id - 1).unwrap_or(0)];
    let from = (order.at + TimeDelta::days(1)).max(at(2025, 1, 1));
    let opened = moment(random, from, (from + TimeDelta::days(40)).min(today()));
    let priority = random.weighted(&[(24, "low"), (42, "normal"), (20, "high"), (14, "urgent")]);
    let (status, closed) = fate(random, opened);
    let topic = &TOPICS[random.index(TOPICS.len())];
    Ticket {
        opened,
        closed,
        status,
        priority,
        customer: customer.id,
        agent: agent(random, topic),
        subject: fill(random.pick(topic.subjects), customer, order),
        body: body(random, topic, customer, order),
    }
}

/// Most tickets of the last three months are still open, and few older ones.
fn fate(random: &mut Random, opened: NaiveDateTime) -> (&'static str, Option<NaiveDateTime>) {
    let recent = today() - opened < TimeDelta::days(90);
    let closed = opened + TimeDelta::minutes(random.between(20, 9 * 24 * 60));
    if random.chance(if recent { 70 } else { 2 }) || closed >= today() {
        return (if random.chance(65) { "open" } else { "pending" }, None);
    }
    ("closed", Some(closed))
}

fn agent(random: &mut Random, topic: &Topic) -> usize {
    let team = AGENTS.iter().enumerate().filter(|(_, (_, _, team))| *team == topic.team);
    let team: Vec<usize> = team.map(|(index, _)| index).collect();
    random.pick(&team)
}

fn body(random: &mut Random, topic: &Topic, customer: &Customer, order: &Order) -> String {
    let mut text = fill(random.pick(topic.bodies), customer, order);
    if random.chance(45) {
        text.push(' ');
        text.push_str(&fill(random.pick(super::talk::CONTACTS), customer, order));
    }
    text
}

fn fill(template: &str, customer: &Customer, order: &Order) -> String {
    let product = order.items.first().map_or("parcel", |item| PRODUCTS[item.product].name);
    template
        .replace("{name}", &customer.person.name)
        .replace("{email}", &customer.person.email)
        .replace("{phone}", &customer.person.phone)
        .replace("{city}", customer.person.city)
        .replace("{order}", &order.id.to_string())
        .replace("{product}", product)
}
