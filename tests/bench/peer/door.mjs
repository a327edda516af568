// The door of the peer: an article comes in by POST, is put into the queue, and is answered with 202 when
// Redis has it on disk (appendfsync always). One process, plain node:http, which is faster than a framework.
//
//   node door.mjs REDIS_SOCKET
import http from "node:http";
import { Queue } from "bullmq";
import IORedis from "ioredis";

const connection = new IORedis({ path: process.argv[2], maxRetriesPerRequest: null, enableAutoPipelining: true });
const queue = new Queue("articles", { connection });
const kept = { removeOnComplete: true, removeOnFail: false, attempts: 20, backoff: { type: "exponential", delay: 2000 } };

const server = http.createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", async () => {
    try {
      const article = JSON.parse(Buffer.concat(parts));
      await queue.add("publish", article, { ...kept, jobId: `a-${article.id}` }); // the same article is the same job
      response.writeHead(202, { "Content-Type": "application/json" });
      response.end(`{"id":${JSON.stringify(article.id)}}\n`);
    } catch (error) {
      response.writeHead(503);
      response.end(String(error));
    }
  });
});
server.keepAliveTimeout = 60000;
server.listen(0, "127.0.0.1", 1024, () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
