// What both Node clients' tests share: bounded waiting, and the line protocol with the runner.
import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';

const WAIT_MAX_MS = 20_000;

/** `promise`, or an error once it takes too long. */
export function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what}`)), WAIT_MAX_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** That each of `clients` is connected; errors on the way there are the clients' own affair. */
export function allReady(...clients) {
  return Promise.all(clients.map((client) => new Promise((ready) => client.once('ready', ready))));
}

/** A queue of what arrived, and whoever waits for it. */
export class Inbox {
  #arrived = [];
  #waiting = [];

  put(...message) {
    const take = this.#waiting.shift();
    if (take) take(message);
    else this.#arrived.push(message);
  }

  /** Takes the next message, and compares it. */
  async expect(...expected) {
    const next = this.#arrived.length
      ? Promise.resolve(this.#arrived.shift())
      : new Promise((take) => this.#waiting.push(take));
    assert.deepEqual(await within(next, `message ${expected}`), expected);
  }
}

const input = createInterface({ input: process.stdin });

/** Has the runner kill the server and start it again on its port. */
export async function restartServer() {
  const answer = new Promise((take) => input.once('line', take));
  console.log('restart');
  assert.equal(await within(answer, 'answer of the runner'), 'restarted');
}

/** Runs a test and ends the process with its outcome. */
export async function run(test) {
  const [host, port] = process.argv.slice(2);
  try {
    await test(host, Number(port));
    process.exit(0);
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
}
