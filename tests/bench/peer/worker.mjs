// The worker of the peer: takes articles from the queue and posts them, signed by the rules of Standard
// Webhooks, up to 256 at once over connections that are kept.
//
//   node worker.mjs REDIS_SOCKET URL SECRET
import { createHmac } from "node:crypto";
import { Worker } from "bullmq";
import IORedis from "ioredis";
import { Pool } from "undici";

const [socket, url, secret] = process.argv.slice(2);
const target = new URL(url);
const pool = new Pool(target.origin, { connections: 256, pipelining: 1 });
const connection = new IORedis({ path: socket, maxRetriesPerRequest: null, enableAutoPipelining: true });

async function post(job) {
  const id = `msg_${job.id}`, at = Math.floor(Date.now() / 1000);
  const body = JSON.stringify({ type: "article.published", timestamp: new Date(job.timestamp).toISOString(), data: { article: job.data } });
  const signature = createHmac("sha256", secret).update(`${id}.${at}.${body}`).digest("base64");
  const answer = await pool.request({
    method: "POST", path: target.pathname, body,
    headers: { "content-type": "application/json", "webhook-id": id, "webhook-timestamp": String(at), "webhook-signature": `v1,${signature}` },
  });
  await answer.body.dump();
  if (answer.statusCode > 299) throw new Error(`answered ${answer.statusCode}`);
}

const worker = new Worker("articles", post, { connection, concurrency: 256 });
worker.on("error", (error) => console.error(error));
await worker.waitUntilReady();
console.log("ready");
