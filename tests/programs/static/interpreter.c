// Lua, out of liblua5.4.a: runs the program that it is given.

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>

int main(int argc, char **argv) {
    lua_State *lua = luaL_newstate();
    luaL_openlibs(lua);
    if (argc != 2 || luaL_dofile(lua, argv[1])) {
        fprintf(stderr, "%s\n", argc == 2 ? lua_tostring(lua, -1) : "interpreter PROGRAM");
        return 1;
    }
    return 0;
}
