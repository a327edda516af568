// A real Bluesky server for the integration tests: the reference PDS with its directory of
// identities, in this process, on loopback only, with its data in a scratch folder that goes with
// it. Started by tests/integration/test_pds.py through the node binary of install.sh. Prints one line
// of JSON when it is ready: {"url", "accounts": [{"handle", "did", "password", "app_password",
// "expired": an access token that was good an hour ago}]}; anything else it has to say goes to standard error. Ends on SIGTERM, or when its standard input is
// closed, so that it never outlives the test.
//
// environment: PDS_ACCOUNTS  how many accounts (2)
//              PDS_RATE_LIMITS=1  with the limits of the hosted service
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'crier-pds-'))
process.env.TMPDIR = scratch // where the server makes its folders
process.env.LOG_ENABLED ??= 'false'
const say = process.stdout.write.bind(process.stdout)
console.log = console.info = console.error // standard output is for the one line

// It would listen on every interface; it has no setting for that.
const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (port, ...rest) {
  return typeof port === 'number'
    ? listen.call(this, port, '127.0.0.1', ...rest.filter((x) => typeof x === 'function'))
    : listen.call(this, port, ...rest)
}

const { TestNetworkNoAppView } = await import('@atproto/dev-env')
const { SignJWT, decodeJwt } = await import('jose')

const network = await TestNetworkNoAppView.create({
  pds: { rateLimitsEnabled: process.env.PDS_RATE_LIMITS === '1' },
})

async function end(code) {
  await network.close().catch(() => {})
  fs.rmSync(scratch, { recursive: true, force: true })
  process.exit(code)
}

// The session's own claims, three hours earlier.
function expired(session) {
  const claims = decodeJwt(session.accessJwt)
  return new SignJWT({ ...claims, iat: claims.iat - 10800, exp: claims.exp - 10800 })
    .setProtectedHeader({ typ: 'at+jwt', alg: 'HS256' })
    .sign(network.pds.jwtSecretKey())
}

async function account(n) {
  const agent = network.pds.getAgent()
  const password = `main-password-${n}`
  await agent.createAccount({
    handle: `newsroom${n}.test`,
    email: `newsroom${n}@news.example`,
    password,
  })
  const made = await agent.com.atproto.server.createAppPassword({ name: 'crier' })
  return {
    handle: agent.session.handle,
    did: agent.session.did,
    password,
    app_password: made.data.password,
    expired: await expired(agent.session),
  }
}

try {
  const accounts = []
  for (let n = 1; n <= Number(process.env.PDS_ACCOUNTS ?? 2); n++) {
    accounts.push(await account(n))
  }
  say(JSON.stringify({ url: network.pds.url, accounts }) + '\n')
} catch (error) {
  console.error(error)
  await end(1)
}
process.on('SIGTERM', () => end(0))
process.on('SIGINT', () => end(0))
process.stdin.on('end', () => end(0)).resume()
