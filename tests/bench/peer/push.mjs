// The library that most newsrooms would take, driven as well as we know: connections kept, so many requests at once,
// the details of VAPID as it takes them. Subscriptions on standard input, one JSON object a line; when all are answered
// it prints {"messages", "accepted", "per_second", "cpu_us"}.
//     node push.mjs PUBLIC_KEY PRIVATE_KEY SUBJECT PAYLOAD AT_ONCE
import https from 'node:https'
import readline from 'node:readline'
import webPush from 'web-push'

const [publicKey, privateKey, subject, payload, atOnce] = process.argv.slice(2)
const agent = new https.Agent({ keepAlive: true, maxSockets: Number(atOnce), scheduling: 'lifo' })
const options = { vapidDetails: { subject, publicKey, privateKey }, TTL: 3600, urgency: 'high', topic: 'k7Yx0a3bC9dE1fG2hI4jK5lM6nO8pQ9r', agent }
const subscriptions = []
for await (const line of readline.createInterface({ input: process.stdin })) subscriptions.push(JSON.parse(line))

let next = 0
let accepted = 0
async function send () {
  while (next < subscriptions.length) {
    const { statusCode } = await webPush.sendNotification(subscriptions[next++], payload, options)
    accepted += statusCode < 300
  }
}
const from = performance.now()
const cpu = process.cpuUsage()
await Promise.all(Array.from({ length: Number(atOnce) }, send))
const used = process.cpuUsage(cpu)
console.log(JSON.stringify({
  messages: subscriptions.length,
  accepted,
  per_second: Math.round(subscriptions.length * 1000 / (performance.now() - from)),
  cpu_us: (used.user + used.system) / subscriptions.length
}))
agent.destroy()
