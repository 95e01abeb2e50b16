'use strict';
// Fills an empty database: Vendure's own sample products, the made-up customers, and orders that they place over the
// shop API as any client would.

const fs = require('fs');
const path = require('path');
const { CustomerService, JobQueueService, RequestContextService, TransactionalConnection, bootstrap } = require('@vendure/core');
const { populate } = require('@vendure/core/cli');
const { admin, config, packages } = require('./config.cjs');
const { person } = require('./people.cjs');

const log = line => console.log(`populate: ${line}`);

/** fill makes a shop with that many customers in dir: vendure.sqlite, customers.csv for Candor, shop.json for the tests. */
async function fill({ dir, assets, port, customers }) {
    const sample = path.join(packages('@vendure/create'), 'assets');
    log('tables, countries and 54 products with pictures');
    const app = await populate(() => bootstrap(config({ dir, assets, port, plugins: [], synchronize: true, pollInterval: 10 })),
        path.join(sample, 'initial-data.json'), path.join(sample, 'products.csv'));
    await app.get(JobQueueService).start();
    log(`${customers} customers`);
    const people = await createCustomers(app, customers);
    log('their orders');
    await placeOrders(`http://127.0.0.1:${port}/shop-api`, people);
    await listGuests(app, people);
    await settle(app);
    await app.close();
    writeFiles(dir, people);
}

async function createCustomers(app, count) {
    const ctx = await app.get(RequestContextService).create({ apiType: 'admin' });
    const people = [];
    for (let n = 1; n <= count; n++) {
        const p = { ...person(n), orders: [] };
        people.push(p);
        if (n % 500 === 0) log(`${n} of ${count} customers`);
        if (!p.password) continue; // a guest comes into being with the first order
        const input = { emailAddress: p.email, firstName: p.firstName, lastName: p.lastName };
        const made = await app.get(CustomerService).create(ctx, input, p.password);
        if (!made.id) throw new Error(`customer ${n}: ${made.message}`);
        p.id = String(made.id);
    }
    return people;
}

/** placeOrders lets every guest and every third customer with an account order something. */
async function placeOrders(url, people) {
    for (const p of people) {
        if (p.password && p.n % 3 !== 0) continue;
        const ask = session(url);
        if (p.password) {
            await ask('mutation login($u: String!, $p: String!) { login(username: $u, password: $p) { __typename } }',
                { u: p.email, p: p.password });
        }
        p.orders.push(await placeOrder(ask, p));
    }
}

async function placeOrder(ask, p) {
    const variant = String(1 + (p.n % 88)); // of the 88, because there are 100 pieces of each
    await ask('mutation add($v: ID!) { addItemToOrder(productVariantId: $v, quantity: 1) { __typename ...on ErrorResult { message } } }', { v: variant });
    if (!p.password) {
        await ask('mutation guest($c: CreateCustomerInput!) { setCustomerForOrder(input: $c) { __typename ...on ErrorResult { message } } }',
            { c: { emailAddress: p.email, firstName: p.firstName, lastName: p.lastName } });
    }
    await ask('mutation address($a: CreateAddressInput!) { setOrderShippingAddress(input: $a) { __typename ...on ErrorResult { message } } }',
        { a: { fullName: `${p.firstName} ${p.lastName}`, streetLine1: `${p.n} Sample Street`, city: 'Sampleton', postalCode: 'S1 1AA', countryCode: p.country } });
    const { eligibleShippingMethods: [shipping] } = await ask('{ eligibleShippingMethods { id } }');
    await ask('mutation ship($id: [ID!]!) { setOrderShippingMethod(shippingMethodId: $id) { __typename ...on ErrorResult { message } } }', { id: [shipping.id] });
    await ask('mutation { transitionOrderToState(state: "ArrangingPayment") { __typename ...on ErrorResult { message } } }');
    const { addPaymentToOrder: order } = await ask(
        'mutation { addPaymentToOrder(input: { method: "standard-payment", metadata: {} }) { __typename ...on Order { code } ...on ErrorResult { message } } }');
    return order.code;
}

/** session returns a function that sends GraphQL requests in one bearer-token session and yields their data. */
function session(url) {
    let token = '';
    return async (query, variables) => {
        const res = await fetch(url, {
            method: 'POST',
            headers: { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) },
            body: JSON.stringify({ query, variables }),
        });
        token = res.headers.get('vendure-auth-token') || token;
        const { data, errors } = await res.json();
        const refused = Object.values(data || {}).find(v => v && v.message);
        if (errors || refused) throw new Error(`shop API refused: ${JSON.stringify(errors || refused)}`);
        return data;
    };
}

/** listGuests reads the ids that the guests got. */
async function listGuests(app, people) {
    const ids = await app.get(TransactionalConnection).rawConnection.query('SELECT id, emailAddress FROM customer');
    const byEmail = new Map(ids.map(row => [row.emailAddress, String(row.id)]));
    for (const p of people) p.id = byEmail.get(p.email);
}

/** settle waits until the job queue has nothing left to do: the search index, the mail. */
async function settle(app) {
    const db = app.get(TransactionalConnection).rawConnection;
    let least = Infinity;
    for (let idle = 0; idle < 300; idle++) {
        const [{ open }] = await db.query("SELECT count(*) AS open FROM job_record WHERE state IN ('PENDING', 'RUNNING', 'RETRYING')");
        if (open === 0) return;
        if (open < least) [least, idle] = [open, 0];
        await new Promise(done => setTimeout(done, 100));
    }
    throw new Error(`the job queue stands still with ${least} jobs`);
}

function writeFiles(dir, people) {
    const cell = s => (/[",\n]/.test(s) ? `"${s.replace(/"/g, '""')}"` : s);
    const rows = people.map(p => [p.id, p.email, `${p.firstName} ${p.lastName}`, p.locale, p.country].map(cell).join(','));
    fs.writeFileSync(path.join(dir, 'customers.csv'), `id,email,name,locale,country\n${rows.join('\n')}\n`);
    fs.writeFileSync(path.join(dir, 'shop.json'), JSON.stringify({ admin, customers: people }, null, 1));
}

module.exports = { fill };
