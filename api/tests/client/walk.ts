// What a client's author does first, with the types that were generated from the document: log in, look, make a team and a
// campaign, change it by its version, and meet an error. Prints a line for each step.
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

const { SLUICE_URL, SLUICE_USERNAME, SLUICE_PASSWORD } = process.env;
const client = createClient<paths>({ baseUrl: SLUICE_URL ?? "" });

function found<T>(data: T | undefined, error: unknown): T {
  if (data === undefined) throw new Error(JSON.stringify(error));
  return data;
}

const login = await client.POST("/api/users/login/", {
  body: { username: SLUICE_USERNAME ?? "", password: SLUICE_PASSWORD ?? "" },
});
const { access_token } = found(login.data, login.error);
client.use({
  onRequest({ request }) {
    request.headers.set("authorization", `Bearer ${access_token}`);
  },
});

const list = await client.GET("/api/users/list/", { params: { query: { position: "Buyer" } } });
const users = found(list.data, list.error);
const buyer = users[0];
if (!buyer) throw new Error("no buyer is listed");
console.log(`users ${users.map((user) => user.username).join(",")}`);

const team = await client.POST("/api/teams/create/", { body: { name: "Night shift", members: [buyer.id] } });
const { id: team_id, members } = found(team.data, team.error);
console.log(`team ${team.response.status} ${members?.length} member of ${team_id > 0}`);

const made = await client.POST("/api/campaigns/create/", {
  body: { name: "Spring push", user_id: buyer.id, payout: "12.50", currency: "EUR" },
});
const { id } = found(made.data, made.error);

const params = { path: { id } };
const read = await client.GET("/api/campaigns/detail/{id}/", { params });
const campaign = found(read.data, read.error);
const version = read.response.headers.get("etag") ?? "";
console.log(`campaign ${campaign.name} ${campaign.payout} ${campaign.currency} ${campaign.state}`);

const headers = { "If-Match": version };
const changed = await client.PATCH("/api/campaigns/update/{id}/", { params, headers, body: { state: "paused" } });
console.log(`changed ${changed.response.status} ${found(changed.data, changed.error).state}`);
const late = await client.PATCH("/api/campaigns/update/{id}/", { params, headers, body: { state: "active" } });
console.log(`late ${late.response.status} ${JSON.stringify(late.error)}`);

const bad = await client.POST("/api/campaigns/create/", { body: { name: "", user_id: buyer.id } });
const errors = bad.error;
// The types tell what is wrong with fields from what is wrong with the whole.
if (!errors || !("name" in errors) || !Array.isArray(errors.name)) throw new Error(JSON.stringify(errors));
console.log(`bad ${bad.response.status} ${errors.name.join(" ")}`);

// Wrong names and types do not pass: were the types `any`, these lines would be errors.
// @ts-expect-error there is no such path
export const nowhere = () => client.GET("/api/nowhere/");
// @ts-expect-error a campaign's payout is a text
export const number = () => client.POST("/api/campaigns/create/", { body: { name: "a", payout: 12.5 } });
// @ts-expect-error a campaign has no such field
export const field = campaign.nothing;
