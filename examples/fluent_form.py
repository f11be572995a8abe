"""One breath: a model, a prompt, how to answer, go. A half-made question can be shared."""

import modelway

modelway.init({"providers": {"simulator": {}}, "defaults": {"max_tokens": 200}})

french = modelway.model("simulator/sim-demo").system("Answer in French.").temperature(0.7)
print(french.prompt("Good morning").execute().text)
for piece in french.prompt("Good night").stream().text():
    print(piece, end="")
print()
