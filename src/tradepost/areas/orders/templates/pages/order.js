// Shows the order that a link in an e-mail opens. The token of the link is in the fragment.

const FIELDS = `number,status,payment_status,placed_at,grand_total,tax_total,shipping_method,shipping{total},
lines{quantity,cancelled,product_name,variant_name,sku,total}`;

const page = document.getElementById("page");

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

function show(order) {
  page.querySelector("h1").textContent = `Order ${order.number}`;
  const placed = new Date(order.placed_at).toLocaleString("en");
  add(page, "p", `Placed on ${placed}. Status: ${order.status}. Payment: ${order.payment_status.replace("_", " ")}.`);
  const table = add(page, "table");
  for (const line of order.lines) {
    const name = [line.product_name, line.variant_name].filter(Boolean).join(", ");
    const cancelled = line.cancelled ? `, ${line.cancelled} cancelled` : "";
    addRow(table, `${line.quantity} × ${name} (${line.sku})${cancelled}`, money(line.total));
  }
  if (order.shipping) addRow(table, order.shipping_method?.name, money(order.shipping.total));
  addRow(table, "Total", money(order.grand_total));
  addRow(table, "Tax included", money(order.tax_total));
}

async function load() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
  const query = new URLSearchParams({ limit: "1", fields: FIELDS });
  const answer = await fetch(`/v1/orders?${query}`, { headers: { "X-Cart-Token": token, Accept: "application/json" } });
  const order = answer.ok ? (await answer.json()).data[0] : undefined;
  if (order) show(order);
  else add(page, "p", "This link is not valid, or it has expired. Please request a new one.");
}

load().catch(() => add(page, "p", "The order could not be loaded. Please try again later."));
