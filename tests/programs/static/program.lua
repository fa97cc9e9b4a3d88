-- Floating-point work for an interpreter: every result is printed with all its bits.

local function tell(name, ...)
    local words = {}
    for _, value in ipairs({...}) do
        words[#words + 1] = math.type(value) == "float" and string.format("%a", value) or tostring(value)
    end
    print("CHECK static interpreter " .. name .. " " .. table.concat(words, " "))
end

-- Four bodies that pull each other.
local bodies = {
    {0, 0, 0, 0, 0, 0, 39.478},
    {4.841, -1.160, -0.103, 0.606, 2.811, -0.025, 0.0377},
    {8.343, 4.124, -0.403, -1.010, 1.825, 0.008, 0.0113},
    {12.894, -15.111, -0.223, 1.082, 0.868, -0.010, 0.0017},
}
for _ = 1, 3000 do
    for i = 1, #bodies do
        for j = i + 1, #bodies do
            local a, b, square = bodies[i], bodies[j], 0.0
            for k = 1, 3 do square = square + (a[k] - b[k]) ^ 2 end
            local pull = 0.01 / (square * math.sqrt(square))
            for k = 1, 3 do
                local d = a[k] - b[k]
                a[k + 3] = a[k + 3] - d * b[7] * pull
                b[k + 3] = b[k + 3] + d * a[7] * pull
            end
        end
    end
    for _, body in ipairs(bodies) do
        for k = 1, 3 do body[k] = body[k] + 0.01 * body[k + 3] end
    end
end
for i, body in ipairs(bodies) do tell("body-" .. i, table.unpack(body)) end

-- The Mandelbrot set.
local inside = 0
for y = -60, 60 do
    for x = -100, 50 do
        local zr, zi, cr, ci, n = 0.0, 0.0, x / 50, y / 50, 0
        while n < 60 and zr * zr + zi * zi < 4 do
            zr, zi, n = zr * zr - zi * zi + cr, 2 * zr * zi + ci, n + 1
        end
        inside = inside + n
    end
end
tell("mandelbrot", inside)

-- Functions of the mathematics library, and numbers to text and back.
local sum, text = 0.0, {}
for i = 1, 4000 do
    local x = i * 0.37 - 700
    sum = sum + math.sin(x) * math.exp(-math.abs(x) / 300) + math.log(math.abs(x) + 1) - math.atan(x, i)
    text[#text + 1] = string.format("%.15g", x * sum)
end
tell("functions", sum, math.fmod(sum, 3), sum // 7, sum % -11)
local back = 0.0
for _, word in ipairs(text) do back = back + tonumber(word) end
tell("text", back, #table.concat(text))

-- Integers, strings, sorting.
local seed, numbers = 42, {}
for i = 1, 20000 do
    seed = seed * 6364136223846793005 + 1442695040888963407
    numbers[i] = (seed >> 11) * 2.0 ^ -53
end
table.sort(numbers)
tell("sorted", numbers[1], numbers[10000], numbers[20000], seed, seed // 7, seed % 1000003)
tell("words", (("abc"):rep(1000):gsub("b", "xyz")):len(), select(2, ("a,b,,c"):rep(99):gsub("[^,]*", "")))
