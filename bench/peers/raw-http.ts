/** The least that an address can do: read the body, answer 202. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', chunk => chunks.push(chunk))
  request.on('end', () => {
    if (Buffer.concat(chunks).length === 0) response.statusCode = 400
    else response.statusCode = 202
    response.setHeader('content-length', 0)
    response.end()
  })
})
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: (server.address() as AddressInfo).port })))
