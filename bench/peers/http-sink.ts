/** A system that only counts: which numbers came, and how often. `ledger` on stdin says it and begins anew. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'

let arrived = new Map<number, number>()
let lastAt = 0

const server = createServer((request, response) => {
  request.resume()
  request.on('end', () => {
    const number = Number(request.url!.slice(request.url!.lastIndexOf('/') + 1))
    arrived.set(number, (arrived.get(number) ?? 0) + 1)
    lastAt = Date.now()
    response.writeHead(200, { 'content-length': 0 })
    response.end()
  })
})
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: (server.address() as AddressInfo).port })))

createInterface({ input: process.stdin }).on('line', line => {
  if (line === 'count') return console.log(JSON.stringify({ count: arrived.size, lastAt }))
  console.log(JSON.stringify({ arrived: [...arrived], lastAt }))
  arrived = new Map()
})
