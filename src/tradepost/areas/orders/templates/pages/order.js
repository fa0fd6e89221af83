// Shows the order that a link in an e-mail opens, from which the customer can withdraw here. The token
// of the link is in the fragment.

const FIELDS = `id,number,status,payment_status,placed_at,grand_total,tax_total,shipping_method,shipping{total},links,
lines{id,quantity,cancelled,returned,withdrawal_excluded,product_name,variant_name,sku,total},
returns{status,lines{order_line_id,quantity}}`;

const page = document.getElementById("page");
const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
const HEADERS = { "X-Cart-Token": token, Accept: "application/json" };

function add(parent, tag, text) {
  const element = document.createElement(tag);
  element.textContent = text ?? "";
  parent.append(element);
  return element;
}

function money({ amount, currency }) {
  const format = new Intl.NumberFormat("en", { style: "currency", currency });
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
}

function addRow(table, label, value) {
  const row = add(table, "tr");
  add(row, "td", label);
  add(row, "td", value);
}

function nameOf(line) {
  return `${[line.product_name, line.variant_name].filter(Boolean).join(", ")} (${line.sku})`;
}

function show(order) {
  page.querySelector("h1").textContent = `Order ${order.number}`;
  const placed = new Date(order.placed_at).toLocaleString("en");
  add(page, "p", `Placed on ${placed}. Status: ${order.status}. Payment: ${order.payment_status.replace("_", " ")}.`);
  const table = add(page, "table");
  for (const line of order.lines) {
    const cancelled = line.cancelled ? `, ${line.cancelled} cancelled` : "";
    addRow(table, `${line.quantity} × ${nameOf(line)}${cancelled}`, money(line.total));
  }
  if (order.shipping) addRow(table, order.shipping_method?.name, money(order.shipping.total));
  addRow(table, "Total", money(order.grand_total));
  addRow(table, "Tax included", money(order.tax_total));
  const lines = withdrawableLines(order);
  if (order.links.return && lines.length) offerWithdrawal(order, lines);
}

// The lines with the units that are neither cancelled, returned nor to be returned.
function withdrawableLines(order) {
  const requested = order.returns.filter(({ status }) => status === "requested").flatMap(({ lines }) => lines);
  const unitsOf = ({ id }) =>
    requested.filter((line) => line.order_line_id === id).reduce((sum, { quantity }) => sum + quantity, 0);
  return order.lines
    .filter((line) => !line.withdrawal_excluded)
    .map((line) => ({ ...line, quantity: line.quantity - line.cancelled - line.returned - unitsOf(line) }))
    .filter((line) => line.quantity > 0);
}

// Directive (EU) 2023/2673 requires a button with these words, and a second one that confirms.
function offerWithdrawal(order, lines) {
  const section = add(page, "section");
  add(section, "button", "Withdraw from contract here").addEventListener("click", () => {
    section.replaceChildren();
    chooseLines(section, order, lines);
  });
}

function chooseLines(section, order, lines) {
  add(section, "h2", "Withdraw from these goods");
  const boxes = lines.map((line) => {
    const label = add(add(section, "p"), "label");
    const box = add(label, "input");
    box.type = "checkbox";
    box.checked = true;
    label.append(` ${line.quantity} × ${nameOf(line)}`);
    return box;
  });
  const button = add(section, "button", "Confirm withdrawal");
  button.addEventListener("click", async () => {
    const chosen = lines.filter((line, index) => boxes[index].checked);
    if (!chosen.length) return;
    button.disabled = true;
    const isReceived = await withdraw(order, chosen).catch(() => false);
    section.replaceChildren();
    const failed = "The withdrawal could not be received. Please try again later, or contact us.";
    add(section, "p", isReceived ? "We have received your withdrawal, and confirm it by e-mail." : failed);
  });
}

async function withdraw(order, lines) {
  const key = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16)).join("-");
  const units = lines.map(({ id, quantity }) => ({ order_line_id: id, quantity }));
  const answer = await fetch(`/v1/orders/${order.id}/returns`, {
    method: "POST",
    headers: { ...HEADERS, "Content-Type": "application/json", "Idempotency-Key": key },
    body: JSON.stringify({ kind: "withdrawal", lines: units }),
  });
  return answer.ok;
}

async function load() {
  const query = new URLSearchParams({ limit: "1", fields: FIELDS });
  const answer = await fetch(`/v1/orders?${query}`, { headers: HEADERS });
  const order = answer.ok ? (await answer.json()).data[0] : undefined;
  if (order) show(order);
  else add(page, "p", "This link is not valid, or it has expired. Please request a new one.");
}

load().catch(() => add(page, "p", "The order could not be loaded. Please try again later."));
