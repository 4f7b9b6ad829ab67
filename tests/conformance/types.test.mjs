// Our objects against the official library's own types: each field that we answer with exists there, with a type and
// a nullability that its programs expect. What of theirs we do not write, and where we differ, is in types.json and
// nowhere else; an entry that is no longer true fails, so that the file can only shrink with the difference.
//   KONTOR_UPDATE_DOCS=1 writes types.json as it is now, for the diff that you read before you believe it.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.join(here, '..', '..');
// The compiler that the admin pages are built with; web/scripts/build.sh installs it.
const ts = createRequire(path.join(root, 'web', 'package.json'))('typescript');
const list = path.join(here, 'types.json');
const types = path.join(here, 'node_modules', 'stripe', 'esm');

// Our schema: the file of theirs, and the interface in it.
const theirs = {
  account: ['resources/Accounts', 'Account'],
  balance: ['resources/Balance', 'Balance'],
  balance_transaction: ['resources/BalanceTransactions', 'BalanceTransaction'],
  cash_balance: ['resources/CashBalances', 'CashBalance'],
  charge: ['resources/Charges', 'Charge'],
  customer: ['resources/Customers', 'Customer'],
  customer_cash_balance_transaction: ['resources/CustomerCashBalanceTransactions', 'CustomerCashBalanceTransaction'],
  deleted: ['resources/WebhookEndpoints', 'DeletedWebhookEndpoint'],
  event: ['resources/Events', 'EventBase'],
  payment_intent: ['resources/PaymentIntents', 'PaymentIntent'],
  payment_method: ['resources/PaymentMethods', 'PaymentMethod'],
  refund: ['resources/Refunds', 'Refund'],
  webhook_endpoint: ['resources/WebhookEndpoints', 'WebhookEndpoint'],
};
// Objects that their types do not have, and why.
const ours = {
  error: 'an exception of the library: bad_input.test.mjs sees each of its fields',
  ledger: 'the ledger API is our own',
  new_ledger: 'the ledger API is our own',
};

const schemas = JSON.parse(readFileSync(path.join(root, 'docs', 'openapi.json'), 'utf8')).components.schemas;
const files = Object.fromEntries(Object.entries(theirs).map(([name, [file]]) => [name, path.join(types, `${file}.d.ts`)]));
const program = ts.createProgram([...new Set(Object.values(files))], {
  strict: true, noEmit: true, types: [], skipLibCheck: true,
  target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext,
});
const checker = program.getTypeChecker();

function interfaceOf(schema) {
  const source = program.getSourceFile(files[schema]);
  assert.ok(source, `the library has no ${files[schema]}`);
  const symbol = checker.getExportsOfModule(checker.getSymbolAtLocation(source)).find((s) => s.name === theirs[schema][1]);
  assert.ok(symbol, `the library has no type ${theirs[schema][1]}`);
  return checker.getDeclaredTypeOfSymbol(symbol);
}

const has = (type, flag) => (type.flags & flag) !== 0;
const isText = (type) => has(type, ts.TypeFlags.StringLike) || (type.isIntersection() && type.types.some(isText)); // OtherString
const isList = (type) => checker.isArrayType(type);
const isHash = (type) => has(type, ts.TypeFlags.Object) && !isList(type);
const alternatives = (type) => (type.isUnion() ? type.types : [type]);

// The alternatives of a schema as single types: {type, …} or {$ref}.
function flat(schema) {
  if (schema.anyOf) return schema.anyOf.flatMap(flat);
  if (Array.isArray(schema.type)) return schema.type.map((type) => ({ ...schema, type, enum: schema.enum?.filter((word) => word !== null) }));
  return [schema];
}

class Comparison {
  found = { not_written: {}, of_our_own: {}, different: {} };

  note(kind, object, where, what) {
    if (what === undefined) (this.found[kind][object] ??= []).push(where);
    else (this.found[kind][object] ??= {})[where] = what;
  }

  fields(object, prefix, schema, type) {
    const properties = schema.properties ?? {};
    const known = new Map(checker.getPropertiesOfType(type).map((symbol) => [symbol.name, symbol]));
    for (const [name, field] of Object.entries(properties)) {
      const symbol = known.get(name);
      const where = prefix + name;
      if (!symbol) {
        this.note('of_our_own', object, where);
        continue;
      }
      const optional = has(symbol, ts.SymbolFlags.Optional);
      if (!schema.required?.includes(name) && !optional) this.note('different', object, where, 'ours may be left out');
      this.value(object, where, field, alternatives(checker.getTypeOfSymbol(symbol)));
    }
    for (const [name, symbol] of known) {
      const isNever = alternatives(checker.getTypeOfSymbol(symbol)).every((t) => has(t, ts.TypeFlags.VoidLike)); // deleted?: void
      if (!(name in properties) && !isNever) this.note('not_written', object, prefix + name);
    }
  }

  value(object, where, schema, wanted) {
    for (const one of flat(schema)) {
      const problem = this.single(object, where, one, wanted);
      if (problem) this.note('different', object, where, problem);
    }
  }

  // "" or what is wrong.
  single(object, where, schema, wanted) {
    const described = wanted.map((type) => checker.typeToString(type)).join(' | ');
    if (schema.$ref) return this.reference(schema.$ref.split('/').at(-1), wanted) ? '' : `ours may be ${schema.$ref}, theirs is ${described}`;
    switch (schema.type) {
      case 'null':
        return wanted.some((type) => has(type, ts.TypeFlags.Null)) ? '' : `ours may be null, theirs is ${described}`;
      case 'string':
        return this.text(schema, wanted) || (wanted.some(isText) ? '' : `ours is text, theirs is ${described}`);
      case 'integer':
        return wanted.some((type) => has(type, ts.TypeFlags.NumberLike)) ? '' : `ours is a number, theirs is ${described}`;
      case 'boolean':
        return wanted.some((type) => has(type, ts.TypeFlags.BooleanLike)) ? '' : `ours is a truth value, theirs is ${described}`;
      case 'array': {
        const lists = wanted.filter(isList);
        if (lists.length === 0) return `ours is a list, theirs is ${described}`;
        if (schema.items) this.value(object, `${where}[]`, schema.items, lists.flatMap((type) => alternatives(checker.getTypeArguments(type)[0])));
        return '';
      }
      case 'object':
        return this.hash(object, where, schema, wanted.filter(isHash)) || (wanted.some(isHash) ? '' : `ours is a hash, theirs is ${described}`);
      default:
        return `a schema that this test does not know: ${JSON.stringify(schema)}`;
    }
  }

  text(schema, wanted) {
    const literals = wanted.filter((type) => type.isStringLiteral()).map((type) => type.value);
    const words = schema.const ? [schema.const] : schema.enum;
    // Without words of ours there is nothing to compare; without literals anything goes there.
    if (!words || literals.length === 0) return '';
    const unknown = words.filter((word) => !literals.includes(word));
    return unknown.length === 0 ? '' : `theirs does not know ${unknown.join(', ')}`;
  }

  hash(object, where, schema, hashes) {
    if (hashes.length === 0) return '';
    if (schema.additionalProperties) {
      const open = hashes.map((type) => checker.getIndexInfoOfType(type, ts.IndexKind.String)).find(Boolean);
      if (!open) return 'our keys are data, theirs are fields';
      this.value(object, `${where}.*`, schema.additionalProperties, alternatives(open.type));
    } else if (schema.properties) {
      if (hashes.length > 1) return 'theirs is one of several hashes';
      this.fields(object, `${where}.`, schema, hashes[0]);
    }
    return '';
  }

  reference(name, wanted) {
    // Deleted objects are a type for each kind there, and one for all here.
    if (name === 'deleted') return wanted.some((type) => type.symbol?.name.startsWith('Deleted'));
    const target = interfaceOf(name);
    return wanted.some((type) => type === target);
  }
}

function compared() {
  const comparison = new Comparison();
  for (const object of Object.keys(theirs)) comparison.fields(object, '', schemas[object], interfaceOf(object));
  return comparison.found;
}

test('every object of ours is compared, or says why it is not', () => {
  for (const name of Object.keys(schemas)) {
    assert.ok(name in theirs || name.split('.')[0] in ours, `${name}: which type of the library is it?`);
  }
});

const found = compared();
if (process.env.KONTOR_UPDATE_DOCS) writeFileSync(list, `${JSON.stringify(found, null, 2)}\n`);
const allowed = JSON.parse(readFileSync(list, 'utf8'));

for (const [kind, title] of [
  ['different', 'each field has a type and a nullability that the library expects'],
  ['of_our_own', 'each field exists in the library'],
  ['not_written', 'what of the library we do not write is in types.json'],
]) {
  test(title, () => assert.deepEqual(found[kind], allowed[kind], `types.json, ${kind}: say why in the commit, or repair the field`));
}

// The comparison itself sees what it is there for.
test('a wrong type, a null too many, an unknown word and a field of our own are seen', () => {
  const seen = (field, change) => {
    const schema = structuredClone(schemas.customer);
    change(schema);
    const comparison = new Comparison();
    comparison.fields('customer', '', schema, interfaceOf('customer'));
    return comparison.found.different.customer?.[field] ?? comparison.found.of_our_own.customer?.find((name) => name === field);
  };
  assert.equal(seen('name', () => {}), undefined);
  assert.match(seen('name', (s) => { s.properties.name = { type: 'integer' }; }), /ours is a number/);
  assert.match(seen('created', (s) => { s.properties.created.type = ['integer', 'null']; }), /may be null/);
  assert.match(seen('object', (s) => { s.properties.object.const = 'patron'; }), /does not know patron/);
  assert.match(seen('livemode', (s) => { s.required = s.required.filter((name) => name !== 'livemode'); }), /may be left out/);
  assert.match(seen('created', (s) => { s.properties.created = { type: 'array' }; }), /ours is a list/);
  assert.match(seen('created', (s) => { s.properties.created = { $ref: '#/components/schemas/charge' }; }), /may be .*charge/);
  assert.equal(seen('nickname', (s) => { s.properties.nickname = { type: 'string' }; }), 'nickname');
});
