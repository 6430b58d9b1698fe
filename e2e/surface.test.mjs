// The sandbox's Stripe.js has the shape that @stripe/stripe-js declares.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import vm from 'node:vm';
import ts from 'typescript';

const folder = path.resolve(import.meta.dirname, 'stripejs');
const sources = path.resolve(import.meta.dirname, '../pkg/sandbox/stripejs');
const MAJORS = { 4: 'stripe-js-4', 7: '@stripe/stripe-js', 10: 'stripe-js-10' };

const programs = new Map();

// compile is tsc with tsconfig.json, which names the newest major, for one of them.
function compile(packageName) {
  if (!programs.has(packageName)) programs.set(packageName, newProgram(packageName));
  return programs.get(packageName);
}

function newProgram(packageName) {
  const file = path.join(folder, 'tsconfig.json');
  const { options, fileNames } = ts.parseJsonConfigFileContent(ts.readConfigFile(file, ts.sys.readFile).config, ts.sys, folder);
  options.paths = { '@stripe/stripe-js': [`../node_modules/${packageName}/dist/index.d.ts`] };
  return ts.createProgram(fileNames, options);
}

// declaredNames are the members of a type that Stripe exports.
function declaredNames(program, type) {
  const checker = program.getTypeChecker();
  const surface = program.getSourceFile(path.join(folder, 'surface.ts'));
  const statement = surface.statements.find(ts.isImportDeclaration);
  const stripe = checker.getSymbolAtLocation(statement.moduleSpecifier);
  const found = checker.getExportsOfModule(stripe).find((symbol) => symbol.name === type);
  return checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(found)).map((property) => property.name);
}

// elementTypes are the names that elements.create() takes: each of its
// overloads has one as the type of its first parameter.
function elementTypes(program) {
  const checker = program.getTypeChecker();
  const names = new Set();
  const visit = (node) => {
    if (ts.isMethodSignature(node) && node.name.getText() === 'create' && node.parameters[0]?.type && ts.isLiteralTypeNode(node.parameters[0].type)) {
      names.add(checker.getTypeAtLocation(node.parameters[0].type).value);
    }
    ts.forEachChild(node, visit);
  };
  for (const file of program.getSourceFiles()) if (file.fileName.endsWith('elements-group.d.ts')) visit(file);
  return [...names];
}

// loadScript runs the script without a browser: enough to look at what it has.
function loadScript() {
  const order = fs.readFileSync(path.join(sources, 'stripejs.go'), 'utf8').match(/scriptParts = \[\]string\{([^}]*)\}/)[1].match(/[\w/]+\.js/g);
  const text = order.map((name) => fs.readFileSync(path.join(sources, name), 'utf8')).join('\n');
  const window = { matchMedia: () => ({ matches: true }), addEventListener() {}, location: { origin: 'https://shop.example' } };
  const context = vm.createContext({ window, document: { currentScript: { src: 'http://127.0.0.1:1/endive/stripe.js' } }, console, URL, URLSearchParams });
  return vm.runInContext(`(function () {${text}; return { Stripe, StripeInstance, ElementsGroup, StripeElement, WalletRequest, EmbeddedCheckout, ABSENT, KINDS, ABSENT_KINDS }; })()`, context);
}

function membersOf(object) {
  const names = new Set();
  for (let at = object; at && at !== Object.prototype && Object.getPrototypeOf(at); at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) names.add(name);
  }
  return names;
}

describe('the types of @stripe/stripe-js', () => {
  for (const [major, packageName] of Object.entries(MAJORS)) {
    test(`fit the sandbox’s script: major ${major}`, () => {
      const program = compile(packageName);
      const found = ts.getPreEmitDiagnostics(program);
      assert.equal(found.length, 0, ts.formatDiagnostics(found, { getCanonicalFileName: (name) => name, getCurrentDirectory: () => folder, getNewLine: () => '\n' }));
      assert.ok(program.getSourceFiles().some((file) => file.fileName.includes(`/node_modules/${packageName}/dist/`)), 'the types are of the major that is meant');
    });
  }

  test('declare no method that the script neither has nor explains', () => {
    const { Stripe, ElementsGroup, StripeElement, WalletRequest, EmbeddedCheckout, ABSENT, KINDS, ABSENT_KINDS } = loadScript();
    const stripe = Stripe('pk_test_surface');
    assert.equal(Stripe.version, 'endive');
    for (const packageName of Object.values(MAJORS)) {
      const program = compile(packageName);
      const wanted = declaredNames(program, 'Stripe');
      assert.ok(wanted.length > 50, `${packageName} declares ${wanted.length} methods`);
      assert.deepEqual(wanted.filter((name) => typeof stripe[name] !== 'function'), [], packageName);
      for (const name of wanted.filter((each) => Object.hasOwn(ABSENT, each))) {
        assert.throws(() => stripe[name](), { name: 'IntegrationError', message: new RegExp(`^stripe\\.${name}\\(\\) is not part of the sandbox: .+`) });
      }

      const lacks = (type, implementation) => declaredNames(program, type).filter((name) => !membersOf(implementation.prototype).has(name));
      assert.deepEqual(lacks('StripeElements', ElementsGroup), [], packageName);
      for (const kind of Object.keys(KINDS)) {
        assert.deepEqual(lacks(`Stripe${kind[0].toUpperCase()}${kind.slice(1)}Element`, StripeElement), [], `${packageName}: ${kind}`);
      }
      assert.deepEqual(lacks('PaymentRequest', WalletRequest), [], packageName);
      assert.deepEqual(lacks('StripeEmbeddedCheckout', EmbeddedCheckout), [], packageName);

      const types = elementTypes(program);
      assert.ok(types.length > 15, `${packageName} declares ${types.length} Elements`);
      assert.deepEqual(types.filter((type) => !Object.hasOwn(KINDS, type) && !Object.hasOwn(ABSENT_KINDS, type)), [], packageName);
    }
  });

  test('an Element that is not here says why', () => {
    const { Stripe, ABSENT_KINDS } = loadScript();
    const elements = Stripe('pk_test_surface').elements();
    for (const kind of Object.keys(ABSENT_KINDS)) {
      assert.throws(() => elements.create(kind), { name: 'IntegrationError', message: new RegExp(`^The ${kind} Element is not part of the sandbox: .+`) });
    }
  });
});
