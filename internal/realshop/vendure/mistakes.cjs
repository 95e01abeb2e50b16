'use strict';
// Three mistakes as shops make them, in a Vendure plugin: see MistakesPlugin. Plain CommonJS has no decorator syntax, so
// they are applied as the functions that they are.

require('reflect-metadata');
const { Controller, Get, Inject, Res } = require('@nestjs/common');
const { Args, Query, Resolver } = require('@nestjs/graphql');
const { gql } = require('graphql-tag');
const { Column, Entity, ManyToOne } = require('typeorm');
const {
    Allow, Ctx, Customer, CustomerService, OrderService, Permission, PluginCommonModule, Product, TransactionalConnection,
    VendureEntity, VendurePlugin,
} = require('@vendure/core');

const schema = gql`
    type ProductReview {
        id: ID!
        stars: Int!
        text: String!
        author: Customer!
    }
    extend type Query {
        orderLookup(code: String!): Order
        productReviews(productId: ID!): [ProductReview!]!
    }
`;

class ProductReview extends VendureEntity {}
Entity()(ProductReview);
Column('int')(ProductReview.prototype, 'stars');
Column('text')(ProductReview.prototype, 'text');
ManyToOne(() => Product, { onDelete: 'CASCADE' })(ProductReview.prototype, 'product');
ManyToOne(() => Customer, { onDelete: 'CASCADE' })(ProductReview.prototype, 'author');

const texts = ['Does what it says.', 'Arrived quickly, well packed.', 'My second one: the first was stolen.', 'A little smaller than expected.', 'Would buy again.'];

/** write fills the table: products in turn get none, one and two reviews, each by another customer with an account. */
async function write(connection) {
    const reviews = connection.getRepository(ProductReview);
    if (await reviews.count()) return;
    const products = await connection.getRepository(Product).find({ order: { id: 'ASC' } });
    const authors = (await connection.getRepository(Customer).find({ relations: ['user'], order: { id: 'ASC' } })).filter(c => c.user);
    let n = 0;
    for (const [i, product] of products.entries()) {
        for (let left = i % 3; left > 0; left--, n++) {
            await reviews.save(Object.assign(new ProductReview(),
                { stars: 3 + (n % 3), text: texts[n % texts.length], product, author: authors[n % authors.length] }));
        }
    }
}

class MistakesResolver {
    constructor(connection, orders) {
        Object.assign(this, { connection, orders });
    }

    /** Mistake 1: an order by its code, whoever asks, for ever. It began as a support tool. */
    orderLookup(ctx, { code }) {
        return this.orders.findOneByCode(ctx, code, ['customer', 'lines', 'shippingLines', 'surcharges']);
    }

    /** Mistake 2: the type says Customer where a first name was meant, so a review comes with its author's whole record. */
    productReviews(ctx, { productId }) {
        return this.connection.getRepository(ctx, ProductReview).find({
            where: { product: { id: productId } }, relations: ['author'], order: { id: 'ASC' },
        });
    }
}

class AccountController {
    constructor(customers) {
        Object.assign(this, { customers });
    }

    /** Mistake 3: the page is right, but its Cache-Control came from the template of the public pages. */
    async account(ctx, res) {
        const customer = ctx.activeUserId && (await this.customers.findOneByUserId(ctx, ctx.activeUserId));
        if (!customer) {
            return res.status(401).set('Cache-Control', 'no-store').type('html').send('<!doctype html><title>Account</title><p>Please sign in.</p>');
        }
        const name = html(`${customer.firstName} ${customer.lastName}`);
        return res.set('Cache-Control', 'public, max-age=600').type('html').send(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Account</title></head>
<body><h1>Hello, ${name}</h1>
<p id="email">${html(customer.emailAddress)}</p>
<p><a href="/contact?from=${encodeURIComponent(customer.emailAddress)}">Write to us</a></p>
</body></html>
`);
    }
}

function html(s) {
    return s.replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`);
}

function decorate(Class, classDecorator, inject, methods) {
    inject.forEach((token, i) => Inject(token)(Class, undefined, i));
    for (const [name, decorators, parameters] of methods) {
        const descriptor = Object.getOwnPropertyDescriptor(Class.prototype, name);
        parameters.forEach((p, i) => p(Class.prototype, name, i));
        decorators.forEach(d => d(Class.prototype, name, descriptor));
        Object.defineProperty(Class.prototype, name, descriptor);
    }
    classDecorator(Class);
}

decorate(MistakesResolver, Resolver(), [TransactionalConnection, OrderService], [
    ['orderLookup', [Query(), Allow(Permission.Public)], [Ctx(), Args()]],
    ['productReviews', [Query(), Allow(Permission.Public)], [Ctx(), Args()]],
]);
decorate(AccountController, Controller('account'), [CustomerService], [
    ['account', [Get(), Allow(Permission.Public)], [Ctx(), Res()]],
]);

/**
 * MistakesPlugin adds to the shop API
 *   orderLookup(code)       an order with its customer, not checking whose it is
 *   productReviews(product) reviews with their authors' whole records
 * and to the site
 *   GET /account            the signed-in customer's page, which shared caches are told to keep
 */
class MistakesPlugin {
    constructor(connection) {
        Object.assign(this, { connection });
    }

    onApplicationBootstrap() {
        return write(this.connection.rawConnection);
    }
}
Inject(TransactionalConnection)(MistakesPlugin, undefined, 0);
VendurePlugin({
    imports: [PluginCommonModule],
    compatibility: '^3.7.0',
    entities: [ProductReview],
    controllers: [AccountController],
    shopApiExtensions: { schema, resolvers: [MistakesResolver] },
})(MistakesPlugin);

module.exports = { MistakesPlugin };
